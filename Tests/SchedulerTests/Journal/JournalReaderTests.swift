import TestSupport
import Testing

@testable import Scheduler

struct JournalReaderTests {
  /// Lengths around those of a marker and of the mask.
  static let records: [[UInt8]] = [0, 1, 7, 8, 9, 61, 0, 300].enumerated().map { index, count in
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) }
  }

  /// A journal's bytes, and where its frames are.
  private func journal(_ records: [[UInt8]] = records) -> (bytes: [UInt8], frames: [Range<Int>]) {
    let bytes = JournalFormat.bytes(of: records)
    var frames: [Range<Int>] = []
    var end = JournalFormat.headerCount
    for record in records {
      frames.append(end..<end + JournalFormat.frameCount(record))
      end = frames.last!.upperBound
    }
    #expect(bytes.count == end)
    return (bytes, frames)
  }

  private func read(_ bytes: [UInt8]) throws -> (records: [[UInt8]], contents: JournalReader.Contents) {
    let reader = JournalReader(bytes)
    let contents = try reader.read()
    // Nothing is dropped without a word: every byte is header, record, damage or torn.
    var covered = [Bool](repeating: false, count: bytes.count)
    let torn = contents.tornAt.map { $0..<bytes.count }
    for range in contents.frames.map(\.range) + contents.damage.map(\.range) + [torn].compactMap({ $0 }) {
      for offset in range { covered[offset] = true }
    }
    #expect((covered.firstIndex(of: false) ?? 0) == 0)
    #expect(covered.dropFirst(JournalFormat.headerCount).allSatisfy { $0 })
    // What is repaired is whole, and says the same.
    let repaired = JournalReader(reader.repaired(contents))
    let again = try repaired.read()
    #expect(again.damage == [] && again.tornAt == nil && again.missing == contents.missing)
    #expect(again.frames.map(repaired.record) == contents.frames.map(reader.record))
    #expect(again.nextSequence == contents.nextSequence)
    return (contents.frames.map(reader.record), contents)
  }

  @Test func everyByteIsWhereItIsSaidToBe() {
    let bytes = JournalFormat.bytes(of: [Array("hi".utf8)], firstSequence: 7)
    let header: [UInt8] = [
      0x42, 0x49, 0x54, 0x4C, 0x41, 0x42, 0x4A, 0x4C, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xF2, 0x27, 0xC2,
      0xF3,
    ]
    let frame: [UInt8] = [
      0xF5, 0x42, 0x4C, 0xC0, 0x4A, 0x52, 0xC1, 0xFF, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
      0x31, 0x0B, 0x59, 0xB4, 0x68, 0x69, 0xCF, 0x40, 0x1C, 0x89,
    ]
    #expect(bytes == header + frame)
  }

  @Test func whatIsWrittenIsRead() throws {
    let long = (0..<JournalFormat.maximumRecordBytes).map { UInt8(truncatingIfNeeded: $0 / 251) }
    for records in [[], [[]], Self.records, [long], Self.records + [long] + Self.records] {
      let (read, contents) = try read(journal(records).bytes)
      #expect(read == records)
      #expect(contents.damage == [] && contents.missing == [] && contents.tornAt == nil)
      #expect(contents.nextSequence == UInt64(records.count + 1))
    }
  }

  @Test func cutAtEveryByte() throws {
    let (bytes, frames) = journal()
    for count in 0..<bytes.count {
      let (records, contents) = try read(Array(bytes.prefix(count)))
      let whole = frames.count { $0.upperBound <= count }
      #expect(records == Array(Self.records.prefix(whole)))
      if count < JournalFormat.headerCount {
        // The header is written aside: no crash cuts it.
        #expect(contents.damage.map(\.range) == [0..<count] && contents.tornAt == nil)
      } else {
        let end = whole == 0 ? JournalFormat.headerCount : frames[whole - 1].upperBound
        #expect(contents.damage == [] && contents.tornAt == (end == count ? nil : end), "cut at \(count)")
      }
    }
  }

  @Test(arguments: [0x01, 0x10, 0x80, 0xFF] as [UInt8]) func everyByteFlipped(pattern: UInt8) throws {
    let (bytes, frames) = journal()
    for offset in bytes.indices {
      var damaged = bytes
      damaged[offset] ^= pattern
      let (records, contents) = try read(damaged)
      let hit = frames.firstIndex { $0.contains(offset) }
      var expected = Self.records
      if let hit { expected.remove(at: hit) }
      #expect(records == expected, "byte \(offset)")
      #expect(contents.damage.map(\.range) == [hit.map { frames[$0] } ?? 0..<JournalFormat.headerCount])
      #expect(contents.tornAt == nil)
      let gap = hit.flatMap { $0 == frames.count - 1 ? nil : MissingRecords(index: $0, count: 1) }
      #expect(contents.missing == [gap].compactMap { $0 })
    }
  }

  @Test func stretchesOverwrittenInsertedAndCutOut() throws {
    var random = SplitMix64(state: 1)
    for _ in 0..<4_000 {
      let (bytes, frames) = journal()
      let start = Int.random(in: 0...bytes.count, using: &random)
      let length = Int.random(in: 1...200, using: &random)
      let end = min(bytes.count, start + length)
      let fill = Bool.random(using: &random)
      let garbage = (0..<length).map { _ in fill ? 0 : UInt8.random(in: 0...255, using: &random) }
      let (damaged, hit): ([UInt8], Range<Int>) =
        switch Int.random(in: 0..<3, using: &random) {
        case 0: (Array(bytes[..<start] + garbage.prefix(end - start) + bytes[end...]), start..<end)
        case 1: (Array(bytes[..<start] + garbage + bytes[start...]), start..<start)
        default: (Array(bytes[..<start] + bytes[end...]), start..<end)
        }
      let (records, contents) = try read(damaged)
      // A frame is hit when a byte of it is, or when the place of the insertion or the cut is inside it.
      let untouched = frames.indices.filter {
        frames[$0].upperBound <= hit.lowerBound || frames[$0].lowerBound >= hit.upperBound
      }
      let numbers = contents.frames.map { Int($0.sequence) - 1 }
      #expect(Set(numbers).isSuperset(of: untouched) && records == numbers.map { Self.records[$0] })
      if damaged != bytes {
        let isEndLost = damaged.count < bytes.count && !untouched.contains(frames.count - 1)
        #expect(!contents.damage.isEmpty || contents.tornAt != nil || !contents.missing.isEmpty || isEndLost)
      }
    }
  }

  /// Then the length before the cut reaches past the end, as that of a torn record does.
  @Test func aStretchCutOutOfALongRecordIsNoTornTail() throws {
    let (bytes, frames) = journal([[1], [UInt8](repeating: 2, count: 300), [3], [4]])
    let start = frames[1].lowerBound + 100
    let (records, contents) = try read(Array(bytes[..<start] + bytes[(start + 200)...]))
    #expect(records == [[1], [3], [4]] && contents.tornAt == nil)
    #expect(contents.damage.map(\.range) == [frames[1].lowerBound..<frames[1].upperBound - 200])
    #expect(contents.missing == [MissingRecords(index: 1, count: 1)])
  }

  @Test func aRecordMayContainMarkersAndWholeJournals() throws {
    let (inner, frames) = journal()
    let frame = Array(inner[frames[5]])
    let hostile: [[UInt8]] = [
      JournalFormat.marker, [0] + JournalFormat.marker, JournalFormat.marker + JournalFormat.marker, inner,
      frame,
      [1, 2, 3] + frame, frame + Array(frame.prefix(20)),
      // The marker as the first masks would have it come out.
      (0..<300).flatMap { key in
        var marker = JournalFormat.marker
        JournalFormat.apply(UInt32(key), to: &marker)
        return marker
      },
    ]
    for record in hostile {
      let mask = JournalFormat.mask(for: record)
      var masked = record
      JournalFormat.apply(mask, to: &masked)
      #expect(mask != 0 && JournalFormat.offsetOfMarker(in: masked, from: 0) == nil)
      let (bytes, frames) = journal([[1], record, [3]])
      #expect(try read(bytes).records == [[1], record, [3]])
      // No part of a damaged record is taken for a record.
      for offset in frames[1] where offset < frames[1].lowerBound + 40 || offset > frames[1].upperBound - 5 {
        var damaged = bytes
        damaged[offset] ^= 0x40
        let (records, contents) = try read(damaged)
        #expect(records == [[1], [3]])
        #expect(contents.damage.map(\.range) == [frames[1]])
      }
      let cut = Array(bytes[..<(frames[1].upperBound - 1)])
      #expect(try read(cut).records == [[1]])
      #expect(try read(cut).contents.tornAt == frames[1].lowerBound)
    }
  }

  @Test func secondCopiesGapsAndStrayRecordsAreNoticed() throws {
    let (bytes, frames) = journal([[1], [2], [3], [4]])
    let header = Array(bytes.prefix(JournalFormat.headerCount))
    func arranged(_ places: [Int]) -> [UInt8] { header + places.flatMap { bytes[frames[$0]] } }
    let twice = try read(arranged([0, 1, 1, 2, 3]))
    #expect(twice.records == [[1], [2], [3], [4]])
    #expect(twice.contents.damage.map(\.problem) == ["a second record 2"])
    #expect(twice.contents.damage.map(\.range) == [frames[2]])

    let gap = try read(arranged([1, 3]))
    #expect(gap.records == [[2], [4]] && gap.contents.damage == [])
    #expect(gap.contents.missing == [MissingRecords(index: 0, count: 1), MissingRecords(index: 1, count: 1)])
    #expect(gap.contents.nextSequence == 5)

    let mixed = try read(arranged([0, 3, 2, 1]))
    #expect(mixed.records == [[1], [2], [3], [4]] && mixed.contents.missing == [])
    #expect(mixed.contents.damage.map(\.problem) == ["the records are not in order"])

    let stray = try read(JournalFormat.bytes(of: [[9]], firstSequence: 3) + bytes[frames[1]])
    #expect(stray.records == [[9]])
    #expect(stray.contents.damage.contains { $0.problem == "record 2 of an earlier time" })
  }

  @Test func aNewerVersionIsTold() throws {
    let newer = JournalFormat.header(version: 2, firstSequence: 1) + [1, 2, 3]
    #expect(throws: JournalReader.UnsupportedVersion(version: 2)) { try JournalReader(newer).read() }
    // A version that does not fit the checksum is damage.
    var damaged = journal().bytes
    damaged[8] = 2
    #expect(try read(damaged).records == Self.records)
  }

  @Test func numbersThatCannotBeCountedOnAreDamage() throws {
    let (bytes, frames) = journal([[1], [2]])
    for sequence in [UInt64.max, UInt64(Int.max), 1 << 62] {
      var frame: [UInt8] = []
      JournalFormat.appendFrame([7], sequence: sequence, to: &frame)
      let inserted = try read(Array(bytes[..<frames[1].lowerBound] + frame + bytes[frames[1]]))
      #expect(inserted.records == [[1], [2]])
      #expect(inserted.contents.damage.map(\.range.count) == [frame.count])
      let header = JournalFormat.header(firstSequence: sequence)
      #expect(try read(header + bytes.dropFirst(header.count)).records == [[1], [2]])
    }
  }

  @Test func bytesOfOtherFilesAreAllDamage() throws {
    for bytes in [
      Array("{\"records\": []}\n".utf8), [UInt8](repeating: 0, count: 10_000), JournalFormat.marker,
    ] {
      let (records, contents) = try read(bytes)
      #expect(records == [] && contents.damage.map(\.range) == [0..<bytes.count])
      #expect(contents.nextSequence == 1)
    }
  }
}
