import Testing

@testable import Datasets

struct GzipTests {
  private static let content = idx([4, 2, 3], pattern(24))

  private func read(_ compressed: [UInt8], in folder: TemporaryFolder, name: String = "images.gz") throws
    -> [UInt8]
  {
    try IDXFile(try folder.source(compressed, name), ranks: [3]).storage.withBytes { Array($0) }
  }

  @Test func readsOneMember() throws {
    #expect(try read(gzip(Self.content), in: TemporaryFolder()) == Self.content)
  }

  @Test func recognizesContentUnderAnotherName() throws {
    #expect(try read(gzip(Self.content), in: TemporaryFolder(), name: "images") == Self.content)
  }

  /// Larger than every buffer, with members cut at awkward places, one of them empty.
  @Test func readsSeveralMembers() throws {
    let pixels = pattern(300_007)
    let whole = idx([300_007, 1, 1], pixels)
    var compressed: [UInt8] = []
    var start = 0
    for end in [1, 17, 17, 65_536, 131_072, whole.count] {
      compressed += gzip(Array(whole[start..<end]))
      start = end
    }
    #expect(try read(compressed, in: TemporaryFolder()) == whole)
  }

  @Test func truncationAtEveryByte() throws {
    let folder = try TemporaryFolder()
    let compressed = gzip(Self.content)
    for length in 0..<compressed.count {
      let error = try #require(throws: DatasetError.self) {
        try read(Array(compressed.prefix(length)), in: folder)
      }
      #expect(error.kind == .damagedGzip)
      #expect(error.offset == length)
      #expect(
        error.description.hasPrefix("\(folder.path)/images.gz: damaged gzip data at offset \(length) of"))
    }
  }

  /// What a flipped bit does not break (gzip's time stamp and the like) has the right content.
  @Test func everyFlippedBit() throws {
    let folder = try TemporaryFolder()
    let compressed = gzip(Self.content)
    var errors = 0
    for bit in 0..<(compressed.count * 8) {
      var damaged = compressed
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        #expect(try read(damaged, in: folder) == Self.content, "bit \(bit)")
      } catch let error as DatasetError {
        errors += 1
        #expect(error.file == folder.path + "/images.gz")
      }
    }
    // All but the header's time, extra flags, system and text flag.
    #expect(errors >= (compressed.count - 7) * 8)
  }

  @Test func wrongChecksumAndLength() throws {
    let folder = try TemporaryFolder()
    let compressed = gzip(Self.content)
    for (place, reason) in [(8, "incorrect data check"), (4, "incorrect length check")] {
      var damaged = compressed
      damaged[damaged.count - place] ^= 1
      let error = try #require(throws: DatasetError.self) { try read(damaged, in: folder) }
      #expect(error.kind == .damagedGzip)
      #expect(error.problem.hasSuffix(reason))
      #expect(try #require(error.offset) >= compressed.count - 8)
    }
  }

  @Test(arguments: [[0x1f], [1, 2, 3], [0, 1], [UInt8](repeating: 0, count: 512) + [9]])
  func trailingGarbage(garbage: [UInt8]) throws {
    let compressed = gzip(Self.content)
    let error = try #require(throws: DatasetError.self) {
      try read(compressed + garbage, in: TemporaryFolder())
    }
    #expect(error.kind == .damagedGzip)
    #expect(try #require(error.offset) <= compressed.count + 1)
    #expect(try #require(error.offset) >= compressed.count)
  }

  @Test func trailingGarbageIsNamed() throws {
    let compressed = gzip(Self.content)
    let error = try #require(throws: DatasetError.self) {
      try read(compressed + [1, 2], in: TemporaryFolder())
    }
    #expect(error.problem.contains("at offset \(compressed.count) of the compressed file: trailing garbage"))
  }

  /// gzip(1) reads them: tapes, and some copies, end in zeros. The last is longer than every buffer.
  @Test(arguments: [1, 2, 511, 70_000]) func zerosAfterTheLastMemberArePadding(count: Int) throws {
    let padded = gzip(Self.content) + [UInt8](repeating: 0, count: count)
    #expect(try read(padded, in: TemporaryFolder()) == Self.content)
    let error = try #require(throws: DatasetError.self) { try read(padded + [31], in: TemporaryFolder()) }
    #expect(error.kind == .damagedGzip && error.problem.contains("trailing garbage"))
    let member = try #require(throws: DatasetError.self) {
      try read(padded + gzip(Self.content), in: TemporaryFolder())
    }
    #expect(member.problem.contains("trailing garbage"))
  }

  @Test func rawFileNamedGzip() throws {
    let error = try #require(throws: DatasetError.self) { try read(Self.content, in: TemporaryFolder()) }
    #expect(error.kind == .damagedGzip)
    #expect(error.offset == 0)
  }

  /// 64 MiB that take 64 KiB: never taken beyond what the header says.
  @Test func bombIsTooLong() throws {
    let bomb = gzip(idx([2, 2, 2], [UInt8](repeating: 0, count: 64 << 20)))
    #expect(bomb.count < 100_000)
    let error = try #require(throws: DatasetError.self) { try read(bomb, in: TemporaryFolder()) }
    #expect(error.kind == .tooLongFile)
    #expect(error.offset == 24)
  }

  @Test func shortContentIsTruncated() throws {
    let error = try #require(throws: DatasetError.self) {
      try read(gzip(Array(Self.content.dropLast())), in: TemporaryFolder())
    }
    #expect(error.kind == .truncatedFile)
    #expect(error.problem == "truncated (decompressed): found 39 bytes, expected 40")
  }
}
