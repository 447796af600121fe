/// The acknowledged bytes of a journal.
struct JournalContent: Sendable {
  private(set) var bytes: [UInt8]
  private(set) var recordCount: Int
  private(set) var nextSequence: UInt64

  /// Whole frames behind a header.
  init(bytes: [UInt8], recordCount: Int, nextSequence: UInt64) {
    self.bytes = bytes
    self.recordCount = recordCount
    self.nextSequence = nextSequence
  }

  init(_ records: [[UInt8]] = [], firstSequence: UInt64 = 1) {
    self.init(
      bytes: JournalFormat.header(firstSequence: firstSequence), recordCount: 0, nextSequence: firstSequence)
    append(encode(records))
  }

  /// Records in their frames, numbered to follow this content.
  struct Frames: Sendable {
    fileprivate(set) var bytes: [UInt8] = []
    fileprivate(set) var count = 0
  }

  func encode(_ records: [[UInt8]]) -> Frames {
    var frames = Frames()
    frames.bytes.reserveCapacity(records.reduce(0) { $0 + JournalFormat.frameCount($1) })
    for record in records {
      JournalFormat.appendFrame(record, sequence: nextSequence + UInt64(frames.count), to: &frames.bytes)
      frames.count += 1
    }
    return frames
  }

  mutating func append(_ frames: Frames) {
    bytes += frames.bytes
    recordCount += frames.count
    nextSequence += UInt64(frames.count)
  }
}
