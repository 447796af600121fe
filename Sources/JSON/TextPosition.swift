/// A place in a text file.
package struct TextPosition: Sendable, Hashable, Comparable {
  /// From 1; a line ends with a line feed.
  package var line: Int
  /// From 1, counted in characters (Unicode scalars), a tab being one.
  package var column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  package static func < (a: TextPosition, b: TextPosition) -> Bool {
    (a.line, a.column) < (b.line, b.column)
  }
}

/// Finds the positions of bytes; what comes in the text's order takes one pass in all.
struct PositionCounter {
  private var offset = 0
  private var position = TextPosition(line: 1, column: 1)

  /// The position of the byte at `target`, all bytes before it being valid UTF-8.
  mutating func position(of target: Int, in bytes: UnsafeBufferPointer<UInt8>) -> TextPosition {
    if target < offset { self = PositionCounter() }
    for byte in bytes[offset..<target] {
      if byte == UInt8(ascii: "\n") {
        position.line += 1
        position.column = 1
      } else if byte & 0xC0 != 0x80 {
        position.column += 1
      }
    }
    offset = target
    return position
  }
}
