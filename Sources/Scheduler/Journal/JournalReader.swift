/// Finds all whole records in the bytes of a journal, whatever has become of the rest.
///
/// Where no whole frame is, it looks for the next marker at which one is, and notes the bytes between as damaged.
/// Time is O(n) for n bytes, but for bytes made up to be slow.
struct JournalReader {
  /// Bytes that are part of no record.
  struct Damage: Hashable {
    var range: Range<Int>
    /// What is wrong with them, for people.
    var problem: String
  }

  /// The header is whole and says that another version of the format follows.
  struct UnsupportedVersion: Error, Hashable {
    var version: UInt32
  }

  /// What a journal's bytes hold.
  struct Contents {
    /// In the order of their sequence numbers.
    fileprivate(set) var frames: [Frame] = []
    /// In the order of their offsets.
    fileprivate(set) var damage: [Damage] = []
    fileprivate(set) var missing: [MissingRecords] = []
    /// Where a record begins that the end of the bytes cuts short.
    fileprivate(set) var tornAt: Int?
    fileprivate(set) var firstSequence: UInt64 = 1

    /// The sequence number of the next record.
    var nextSequence: UInt64 { frames.last.map { $0.sequence + 1 } ?? firstSequence }
  }

  /// Where a whole record is.
  struct Frame: Hashable {
    var sequence: UInt64
    var mask: UInt32
    /// Of the whole frame.
    var range: Range<Int>

    var record: Range<Int> {
      range.lowerBound + JournalFormat.frameHeadCount..<range.upperBound - JournalFormat.checksumCount
    }
  }

  private enum Place {
    case frame(Frame)
    /// What is there may be the beginning of a frame, but the bytes end before it does.
    case cutShort
    case unreadable
  }

  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  func read() throws(UnsupportedVersion) -> Contents {
    var contents = Contents()
    let firstSequence = try headerSequence()
    var position = firstSequence == nil ? 0 : JournalFormat.headerCount
    if firstSequence == nil {
      position = nextFrame(from: 0)?.range.lowerBound ?? bytes.count
      let problem = bytes.isEmpty ? "the file is empty" : "the header is not readable"
      contents.damage.append(Damage(range: 0..<position, problem: problem))
    }
    while position < bytes.count {
      let place = place(at: position)
      if case .frame(let frame) = place {
        contents.frames.append(frame)
        position = frame.range.upperBound
        continue
      }
      let next = nextFrame(from: position + 1)?.range.lowerBound
      if next == nil, case .cutShort = place {
        contents.tornAt = position
        break
      }
      let end = next ?? bytes.count
      contents.damage.append(Damage(range: position..<end, problem: "not readable"))
      position = end
    }
    putInOrder(&contents, firstSequence: firstSequence)
    return contents
  }

  /// The content of a record.
  func record(_ frame: Frame) -> [UInt8] {
    var record = Array(bytes[frame.record])
    JournalFormat.apply(frame.mask, to: &record)
    return record
  }

  /// Whole journal bytes with all of `contents` that is readable, frame by frame as it was.
  func repaired(_ contents: Contents) -> [UInt8] {
    var repaired = JournalFormat.header(firstSequence: contents.firstSequence)
    repaired.reserveCapacity(repaired.count + contents.frames.reduce(0) { $0 + $1.range.count })
    for frame in contents.frames { repaired += bytes[frame.range] }
    return repaired
  }

  /// The first record's sequence number as the header has it; `nil` where the header is damaged.
  private func headerSequence() throws(UnsupportedVersion) -> UInt64? {
    guard bytes.count >= JournalFormat.headerCount, bytes.starts(with: JournalFormat.magic),
      JournalFormat.number(bytes, at: 20) == JournalFormat.checksum(bytes, 0..<20)
    else { return nil }
    let version = JournalFormat.number(bytes, at: 8, as: UInt32.self)
    guard version == JournalFormat.version else { throw UnsupportedVersion(version: version) }
    let sequence = JournalFormat.number(bytes, at: 12, as: UInt64.self)
    return Self.isPlausible(sequence) ? sequence : nil
  }

  /// Leaves room to count on: no journal comes near.
  private static func isPlausible(_ sequence: UInt64) -> Bool { sequence < 1 << 62 }

  private func place(at offset: Int) -> Place {
    let rest = bytes.count - offset
    let marker = JournalFormat.marker.prefix(rest)
    guard bytes[offset..<offset + marker.count].elementsEqual(marker) else { return .unreadable }
    guard rest >= JournalFormat.frameHeadCount else { return .cutShort }
    let headChecksum = JournalFormat.checksum(bytes, offset..<offset + 24)
    let sequence = JournalFormat.number(bytes, at: offset + 8, as: UInt64.self)
    let count = Int(JournalFormat.number(bytes, at: offset + 16, as: UInt32.self))
    guard JournalFormat.number(bytes, at: offset + 24) == headChecksum, Self.isPlausible(sequence),
      count <= JournalFormat.maximumRecordBytes
    else { return .unreadable }
    let mask = JournalFormat.number(bytes, at: offset + 20, as: UInt32.self)
    let end = offset + JournalFormat.frameHeadCount + count + JournalFormat.checksumCount
    guard end <= bytes.count else { return .cutShort }
    let frame = Frame(sequence: sequence, mask: mask, range: offset..<end)
    guard
      JournalFormat.number(bytes, at: frame.record.upperBound)
        == JournalFormat.checksum(bytes, frame.record, continuing: headChecksum)
    else { return .unreadable }
    return .frame(frame)
  }

  private func nextFrame(from start: Int) -> Frame? {
    var start = start
    while let offset = JournalFormat.offsetOfMarker(in: bytes, from: start) {
      if case .frame(let frame) = place(at: offset) { return frame }
      start = offset + 1
    }
    return nil
  }

  /// Puts the records in the order of their numbers, notes second copies as damage, and what numbers are missing.
  private func putInOrder(_ contents: inout Contents, firstSequence: UInt64?) {
    let found = contents.frames
    let sorted = found.sorted { ($0.sequence, $0.range.lowerBound) < ($1.sequence, $1.range.lowerBound) }
    if sorted != found {
      contents.damage.append(Damage(range: 0..<bytes.count, problem: "the records are not in order"))
    }
    contents.firstSequence = firstSequence ?? sorted.first?.sequence ?? 1
    contents.frames = []
    for frame in sorted {
      let expected = contents.nextSequence
      guard frame.sequence >= expected else {
        let isCopy = !contents.frames.isEmpty
        let problem =
          isCopy ? "a second record \(frame.sequence)" : "record \(frame.sequence) of an earlier time"
        contents.damage.append(Damage(range: frame.range, problem: problem))
        continue
      }
      if frame.sequence > expected {
        let count = Int(frame.sequence - expected)
        contents.missing.append(MissingRecords(index: contents.frames.count, count: count))
      }
      contents.frames.append(frame)
    }
    contents.damage.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
  }
}
