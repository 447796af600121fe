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
  ///
  /// - Parameter columns: of the terminal, which may have become narrower since: it has wrapped lines that are longer.
  mutating func take(columns: Int? = nil) -> BoundedLines.Batch? {
    let batch = lines.take()
    if batch == nil, newFrame == nil { return nil }
    let frame = newFrame ?? drawn
    let rows = drawn.reduce(0) { $0 + Self.rows($1, columns) }
    // Row by row: some terminals keep what is cleared all at once from the screen's top, for those who scroll back.
    let up = String(repeating: "\u{1B}[A\u{1B}[K", count: rows)
    var bytes = drawn.isEmpty ? [] : Array("\r\u{1B}[K\(up)".utf8)
    bytes += batch?.bytes ?? []
    for line in frame { bytes += (line + "\n").utf8 }
    newFrame = nil
    drawn = frame
    return BoundedLines.Batch(bytes: bytes, count: batch?.count ?? 0)
  }

  /// Rows that a line takes, its styles left out.
  private static func rows(_ line: String, _ columns: Int?) -> Int {
    guard let columns, columns > 0, line.utf8.count > columns else { return 1 }
    var count = 0
    var isStyle = false
    for character in line {
      if character == "\u{1B}" { isStyle = true }
      if !isStyle { count += 1 }
      if isStyle, character == "m" { isStyle = false }
    }
    return max(1, (count + columns - 1) / columns)
  }

  /// Takes note that a batch could not be written.
  mutating func lost(_ batch: BoundedLines.Batch) { lines.lost(batch) }
}
