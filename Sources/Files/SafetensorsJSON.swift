/// The part of JSON that a safetensors header is made of: objects, strings, lists of whole numbers from 0.
///
/// Objects keep their order; a key that occurs twice in one is an error, and so is everything that strict
/// JSON does not allow.
enum SafetensorsJSON {
  struct Member {
    var key: String
    var value: SafetensorsJSON
  }

  case object([Member])
  case string(String)
  case integers([Int])

  struct SyntaxError: Error {
    /// In bytes from the beginning of the header.
    var offset: Int
    var what: String
  }

  /// Parses a whole header, of which only spaces may follow.
  static func parse(_ bytes: UnsafeRawBufferPointer) throws(SyntaxError) -> SafetensorsJSON {
    var parser = Parser(bytes: bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.position < bytes.count { throw parser.error("unexpected text after the end") }
    return value
  }
}

private struct Parser {
  let bytes: UnsafeRawBufferPointer
  var position = 0

  func error(_ what: String) -> SafetensorsJSON.SyntaxError { .init(offset: position, what: what) }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(SafetensorsJSON.SyntaxError) {
    if !take(character) { throw error("'\(character)' expected") }
  }

  mutating func value(depth: Int) throws(SafetensorsJSON.SyntaxError) -> SafetensorsJSON {
    // The header's own depth: an attacker's thousand braces must not overflow the stack.
    if depth > 2 { throw error("nested too deeply") }
    if take("{") { return .object(try members(depth: depth)) }
    if take("[") { return .integers(try integers()) }
    return .string(try string())
  }

  private mutating func members(
    depth: Int
  ) throws(SafetensorsJSON.SyntaxError) -> [SafetensorsJSON.Member] {
    var members: [SafetensorsJSON.Member] = []
    var keys: Set<String> = []
    if take("}") { return members }
    repeat {
      let key = try string()
      if !keys.insert(key).inserted { throw error("\"\(key)\" occurs twice") }
      try expect(":")
      members.append(.init(key: key, value: try value(depth: depth + 1)))
    } while take(",")
    try expect("}")
    return members
  }

  private mutating func integers() throws(SafetensorsJSON.SyntaxError) -> [Int] {
    var integers: [Int] = []
    if take("]") { return integers }
    repeat { integers.append(try integer()) } while take(",")
    try expect("]")
    return integers
  }

  private mutating func integer() throws(SafetensorsJSON.SyntaxError) -> Int {
    skipSpace()
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    let digits = bytes[start..<position]
    guard !digits.isEmpty, digits.count == 1 || digits.first != UInt8(ascii: "0"),
      let integer = Int(String(decoding: digits, as: UTF8.self))
    else {
      position = start
      throw error("a whole number from 0 expected")
    }
    return integer
  }

  private mutating func string() throws(SafetensorsJSON.SyntaxError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      if byte < 0x20 { throw error("a control character in a string") }
      position += 1
      if byte == UInt8(ascii: "\\") {
        text += Array(String(try escape()).utf8)
      } else {
        text.append(byte)
      }
    }
    guard let string = String(validating: text, as: UTF8.self) else {
      throw error("a string that is not UTF-8")
    }
    try expect("\"")
    return string
  }

  /// What follows a backslash.
  private mutating func escape() throws(SafetensorsJSON.SyntaxError) -> Unicode.Scalar {
    guard let byte = next else { throw error("a string without an end") }
    position += 1
    switch Unicode.Scalar(byte) {
    case "\"", "\\", "/": return Unicode.Scalar(byte)
    case "b": return "\u{8}"
    case "f": return "\u{c}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u":
      let unit = try hexadecimal()
      guard UTF16.isLeadSurrogate(unit) else {
        guard let scalar = Unicode.Scalar(unit) else { throw error("half a surrogate pair") }
        return scalar
      }
      guard next == UInt8(ascii: "\\") else { throw error("half a surrogate pair") }
      position += 1
      guard next == UInt8(ascii: "u") else { throw error("half a surrogate pair") }
      position += 1
      let trail = try hexadecimal()
      guard UTF16.isTrailSurrogate(trail) else { throw error("half a surrogate pair") }
      return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
    default:
      position -= 1
      throw error("an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(SafetensorsJSON.SyntaxError) -> UInt16 {
    guard bytes.count - position >= 4 else { throw error("four hexadecimal digits expected") }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
        throw error("four hexadecimal digits expected")
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }
}
