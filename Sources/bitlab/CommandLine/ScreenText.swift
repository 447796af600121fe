/// What a stream is to show: lines that stay, and below them, on a terminal, a frame that is drawn over.
///
/// Of frames that wait only the newest is drawn; a frame that is there moves down when lines come.
struct ScreenText: Sendable {
  private var lines: BoundedLines
  private var newFrame: [String]?
  /// The frame on the screen.
  private var drawn: [String] = []
  private var hasEnded = false

  init(_ lines: BoundedLines) { self.lines = lines }

  /// Adds a line, or several.
  mutating func add(_ line: String) { lines.add(line) }

  /// Adds bytes that end with a line feed, or go on with what is added next.
  mutating func add(bytes: [UInt8]) { lines.add(bytes: bytes) }

  /// Puts a frame of so many lines in the place of the one before.
  mutating func show(_ frame: [String]) {
    if !hasEnded { newFrame = frame }
  }

  /// The frame goes, and none comes any more, whoever has one to show still.
  mutating func endFrames() {
    show([])
    hasEnded = true
  }

  /// What is to be written now; nil for nothing.
  mutating func take() -> BoundedLines.Batch? {
    let batch = lines.take()
    if batch == nil, newFrame == nil { return nil }
    let frame = newFrame ?? drawn
    var bytes = drawn.isEmpty ? [] : Array("\r\u{1B}[\(drawn.count)A\u{1B}[J".utf8)
    bytes += batch?.bytes ?? []
    for line in frame { bytes += (line + "\n").utf8 }
    newFrame = nil
    drawn = frame
    return BoundedLines.Batch(bytes: bytes, count: batch?.count ?? 0)
  }

  /// Takes note that a batch could not be written.
  mutating func lost(_ batch: BoundedLines.Batch) { lines.lost(batch) }
}
