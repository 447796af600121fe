import Foundation
import TensorCore
import Testing

@testable import Datasets

struct CIFAR100Tests {
  /// Records with coarse label i, fine label 99 - i.
  private func records(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for record in 0..<count {
      bytes += [UInt8(record), UInt8(99 - record)]
      bytes += pixels(record)
    }
    return bytes
  }

  private func pixels(_ record: Int) -> [UInt8] { Array(pattern(3_072 + record).suffix(3_072)) }

  @Test(arguments: ["train.bin", "train.bin.gz"])
  func readsRecords(name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = records(5)
    let (set, sha256) = try CIFAR100File.read(
      try folder.source(name.hasSuffix(".gz") ? gzip(bytes) : bytes, name), count: 5)
    #expect(sha256 == SHA256.hexadecimal(of: bytes))
    #expect(set.shape == ImageShape(channels: 3, height: 32, width: 32))
    #expect(set.classes == 100)
    #expect(set.allLabels == [99, 98, 97, 96, 95])
    for index in 0..<5 { #expect(set.image(index) == pixels(index)) }
  }

  @Test(arguments: [0, 1, 2, 3_073, 3_074, 9_221])
  func truncated(length: Int) throws {
    let folder = try TemporaryFolder()
    let file = try folder.source(Array(records(3).prefix(length)), "train.bin")
    let error = try #require(throws: DatasetError.self) { try CIFAR100File.read(file, count: 3) }
    #expect(error.kind == .truncatedFile)
    #expect(error.problem == "truncated: found \(length) bytes, expected 9222")
  }

  @Test func tooLong() throws {
    let folder = try TemporaryFolder()
    let longer = try folder.source(records(4), "train.bin")
    let error = try #require(throws: DatasetError.self) { try CIFAR100File.read(longer, count: 3) }
    #expect(error.kind == .tooLongFile)
    #expect(error.offset == 9_222)
  }

  @Test(arguments: [(0, UInt8(20), "coarse label 20", 19), (1, 100, "fine label 100", 99)])
  func labelOutOfRange(place: Int, value: UInt8, what: String, largest: Int) throws {
    let folder = try TemporaryFolder()
    var bytes = records(3)
    bytes[2 * 3_074 + place] = value
    let file = try folder.source(bytes, "train.bin")
    let error = try #require(throws: DatasetError.self) { try CIFAR100File.read(file, count: 3) }
    #expect(error.kind == .labelOutOfRange)
    #expect(error.offset == 6_148 + place)
    #expect(
      error.problem == "\(what) out of range at offset \(6_148 + place), the largest allowed is \(largest)")
  }

  /// Files of the official length, all zeros and so all of class 0, that take no room on the disk.
  @Test func loadsFromTheUnpackedArchive() throws {
    let folder = try TemporaryFolder()
    for file in OfficialFile.files(of: .cifar100) {
      let path = try folder.write([], "cifar-100-binary/\(file.name)")
      #expect(truncate(path, off_t(file.byteCount)) == 0)
    }
    let set = try Dataset.load(DatasetSource(.cifar100, trainLimit: 7), in: folder.data)
    #expect(set.train.count == 7)
    #expect(set.validation.count == 10_000)
    #expect(set.classes == 100)
    #expect(
      set.notices == [
        "all 7 training labels are 0: an accuracy of 100% says nothing then",
        "all 10000 validation labels are 0: an accuracy of 100% says nothing then",
      ])
  }
}
