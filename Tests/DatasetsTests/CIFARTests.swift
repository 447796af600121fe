import Foundation
import TensorCore
import Testing

@testable import Datasets

struct CIFARTests {
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
    let (set, hashes) = try CIFARFile.cifar100.read(
      [try folder.source(name.hasSuffix(".gz") ? gzip(bytes) : bytes, name)], count: 5)
    #expect(hashes == [SHA256.hexadecimal(of: bytes)])
    #expect(set.shape == ImageShape(channels: 3, height: 32, width: 32))
    #expect(set.classes == 100)
    #expect(set.allLabels == [99, 98, 97, 96, 95])
    for index in 0..<5 { #expect(set.image(index) == pixels(index)) }
  }

  @Test(arguments: [0, 1, 2, 3_073, 3_074, 9_221])
  func truncated(length: Int) throws {
    let folder = try TemporaryFolder()
    let file = try folder.source(Array(records(3).prefix(length)), "train.bin")
    let error = try #require(throws: DatasetError.self) { try CIFARFile.cifar100.read([file], count: 3) }
    #expect(error.kind == .truncatedFile)
    #expect(error.problem == "truncated: found \(length) bytes, expected 9222")
  }

  @Test func tooLong() throws {
    let folder = try TemporaryFolder()
    let longer = try folder.source(records(4), "train.bin")
    let error = try #require(throws: DatasetError.self) { try CIFARFile.cifar100.read([longer], count: 3) }
    #expect(error.kind == .tooLongFile)
    #expect(error.offset == 9_222)
  }

  @Test(arguments: [(0, UInt8(20), "coarse label 20", 19), (1, 100, "fine label 100", 99)])
  func labelOutOfRange(place: Int, value: UInt8, what: String, largest: Int) throws {
    let folder = try TemporaryFolder()
    var bytes = records(3)
    bytes[2 * 3_074 + place] = value
    let file = try folder.source(bytes, "train.bin")
    let error = try #require(throws: DatasetError.self) { try CIFARFile.cifar100.read([file], count: 3) }
    #expect(error.kind == .labelOutOfRange)
    #expect(error.offset == 6_148 + place)
    #expect(
      error.problem == "\(what) out of range at offset \(6_148 + place), the largest allowed is \(largest)")
  }

  /// One label a record, and the training set in five files.
  @Test func readsSeveralFilesAsOneSet() throws {
    let folder = try TemporaryFolder()
    func records(_ first: Int) -> [UInt8] {
      (first..<first + 2).flatMap { record -> [UInt8] in [UInt8(record)] + pixels(record) }
    }
    let parts = [0, 2, 4].map(records)
    let files = try parts.enumerated().map { index, bytes in
      try folder.source(
        index == 1 ? gzip(bytes) : bytes, "data_batch_\(index).bin" + (index == 1 ? ".gz" : ""))
    }
    let (set, hashes) = try CIFARFile.cifar10.read(files, count: 6)
    #expect(hashes == parts.map { SHA256.hexadecimal(of: $0) })
    #expect(set.classes == 10 && set.allLabels == [0, 1, 2, 3, 4, 5])
    for index in 0..<6 { #expect(set.image(index) == pixels(index)) }
    // One that is short is named.
    let short = try folder.source(Array(parts[2].dropLast()), "short.bin")
    let error = try #require(throws: DatasetError.self) {
      try CIFARFile.cifar10.read([files[0], files[1], short], count: 6)
    }
    #expect(error.kind == .truncatedFile && error.file.hasSuffix("short.bin"))
    var wrong = parts[0]
    wrong[3_073] = 10
    let bad = try folder.source(wrong, "wrong.bin")
    let label = try #require(throws: DatasetError.self) { try CIFARFile.cifar10.read([bad], count: 2) }
    #expect(label.problem == "label 10 out of range at offset 3073, the largest allowed is 9")
  }

  /// Files of the official length, all zeros and so all of class 0, that take no room on the disk.
  @Test(arguments: [(DatasetName.cifar10, "cifar-10-batches-bin", 10), (.cifar100, "cifar-100-binary", 100)])
  func loadsFromTheUnpackedArchive(name: DatasetName, unpacked: String, classes: Int) throws {
    let folder = try TemporaryFolder()
    for file in OfficialFile.files(of: name) {
      let path = try folder.write([], "\(unpacked)/\(file.name)")
      #expect(truncate(path, off_t(file.byteCount)) == 0)
    }
    let set = try Dataset.load(DatasetSource(name, trainLimit: 7), in: folder.data)
    #expect(set.train.count == 7)
    #expect(set.validation.count == 10_000)
    #expect(set.classes == classes)
    #expect(
      set.notices == [
        "all 7 training labels are 0: an accuracy of 100% says nothing then",
        "all 10000 validation labels are 0: an accuracy of 100% says nothing then",
      ])
  }
}
