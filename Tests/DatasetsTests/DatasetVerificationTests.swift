import Foundation
import Testing

@testable import Datasets

struct DatasetVerificationTests {
  @Test func contentOfRawAndCompressed() throws {
    let folder = try TemporaryFolder()
    let bytes = pattern(300_000)
    let hash = SHA256.hexadecimal(of: bytes)
    for file in [try folder.source(bytes, "raw"), try folder.source(gzip(bytes), "packed.gz")] {
      #expect(DatasetVerification.check(file, byteCount: 300_000, sha256: hash) == .ok)
      #expect(
        DatasetVerification.check(file, byteCount: 299_999, sha256: hash)
          == .damaged(.tooLong(expected: 299_999)))
      #expect(
        DatasetVerification.check(file, byteCount: 300_001, sha256: hash)
          == .damaged(.tooShort(found: 300_000, expected: 300_001)))
      #expect(
        DatasetVerification.check(file, byteCount: 300_000, sha256: "0")
          == .damaged(.otherContent(foundSHA256: hash, expectedSHA256: "0")))
    }
  }

  @Test func brokenGzip() throws {
    let folder = try TemporaryFolder()
    let file = try folder.source(Array(gzip(pattern(100)).dropLast()), "packed.gz")
    guard case .damaged(.unreadable(let error)) = DatasetVerification.check(file, byteCount: 100, sha256: "")
    else { return #expect(Bool(false), "a cut file passes") }
    #expect(error.kind == .damagedGzip)
  }

  @Test func reportsEveryFile() throws {
    let folder = try TemporaryFolder()
    try folder.write([1, 2, 3], "mnist/train-labels-idx1-ubyte")
    let reports = DatasetVerification.verify(in: folder.data)
    #expect(reports.map(\.file) == OfficialFile.all)
    let labels = reports[1]
    #expect(labels.path == folder.path + "/mnist/train-labels-idx1-ubyte")
    #expect(labels.status == .damaged(.tooShort(found: 3, expected: 60_008)))
    #expect(reports[0].status == .missing(searched: ["\(folder.path)/mnist", "\(folder.path)/MNIST/raw"]))
    #expect(
      DatasetVerification.verify([.cifar100], in: folder.data).map(\.status.name) == ["missing", "missing"])
    #expect(DatasetVerification.verify([.digits, .idx], in: folder.data).isEmpty)
  }

  @Test func listing() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], "cifar-100-binary/train.bin.gz")
    let listing = DatasetListing.all(in: folder.data)
    #expect(listing.map(\.name) == [.digits, .mnist, .fashionMNIST, .cifar10, .cifar100])
    #expect(listing.map(\.isPresent) == [true, false, false, false, false])
    #expect(listing.map(\.isBuiltIn) == [true, false, false, false, false])
    #expect(listing[4].paths == [folder.path + "/cifar-100-binary/train.bin.gz"])
    #expect(listing[4].missing == ["test.bin"])
  }

  @Test func factsAgreeWithTheFiles() {
    for name in DatasetName.allCases {
      #expect(OfficialFile.files(of: name).map(\.name) == name.facts?.fileNames ?? [])
    }
    #expect(OfficialFile.all.allSatisfy { $0.sha256.count == 64 })
  }
}
