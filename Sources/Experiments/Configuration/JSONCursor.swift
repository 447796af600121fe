/// A place in the bytes of a JSON text, counting lines and columns as it moves.
///
/// The bytes must be valid UTF-8 from `offset` on, which ``firstInvalidByte(in:)`` establishes.
struct JSONCursor {
  private let bytes: [UInt8]
  private(set) var offset = 0
  private(set) var position = TextPosition(line: 1, column: 1)

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The next byte, nil at the end.
  var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  mutating func advance() {
    let byte = bytes[offset]
    offset += 1
    if byte == UInt8(ascii: "\n") {
      position.line += 1
      position.column = 1
    } else if offset == bytes.count || bytes[offset] & 0xC0 != 0x80 {
      // A character counts once its last byte is behind.
      position.column += 1
    }
  }

  mutating func advance(by count: Int) {
    for _ in 0..<count { advance() }
  }

  mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { advance() }
  }

  /// Moves past `character` if it is next.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    advance()
    return true
  }

  /// Whether the bytes from here on begin with `text`.
  func begins(with text: StaticString) -> Bool {
    text.withUTF8Buffer { bytes[offset...].starts(with: $0) }
  }

  func text(from start: Int) -> String {
    String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  /// The complaint that something else than what is next was expected here.
  func unexpected(expected: String) -> Diagnostic {
    Diagnostic(position: position, message: "found \(found), expected \(expected)")
  }

  private var found: String {
    guard next != nil else { return "the end of the file" }
    let character = String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self)
      .unicodeScalars.first
    return String(String.UnicodeScalarView([character ?? "?"])).quoted
  }

  /// The offset of the first byte that is not part of a well-formed UTF-8 character (Unicode 16, table 3-7).
  static func firstInvalidByte(in bytes: [UInt8]) -> Int? {
    var index = 0
    while index < bytes.count {
      let followers: [ClosedRange<UInt8>]
      switch bytes[index] {
      case 0x00...0x7F:
        index += 1
        continue
      case 0xC2...0xDF: followers = [0x80...0xBF]
      case 0xE0: followers = [0xA0...0xBF, 0x80...0xBF]
      case 0xED: followers = [0x80...0x9F, 0x80...0xBF]
      case 0xE1...0xEF: followers = [0x80...0xBF, 0x80...0xBF]
      case 0xF0: followers = [0x90...0xBF, 0x80...0xBF, 0x80...0xBF]
      case 0xF1...0xF3: followers = [0x80...0xBF, 0x80...0xBF, 0x80...0xBF]
      case 0xF4: followers = [0x80...0x8F, 0x80...0xBF, 0x80...0xBF]
      default: return index
      }
      for (step, range) in followers.enumerated() {
        guard index + step + 1 < bytes.count, range.contains(bytes[index + step + 1]) else { return index }
      }
      index += followers.count + 1
    }
    return nil
  }

  /// The position of the byte at `target`, all bytes before it being valid UTF-8.
  static func position(ofByte target: Int, in bytes: [UInt8]) -> TextPosition {
    var position = TextPosition(line: 1, column: 1)
    for byte in bytes[..<target] {
      if byte == UInt8(ascii: "\n") {
        position.line += 1
        position.column = 1
      } else if byte & 0xC0 != 0x80 {
        position.column += 1
      }
    }
    return position
  }
}
