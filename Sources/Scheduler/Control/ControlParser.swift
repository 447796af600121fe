/// A strict parser of one line of the control protocol: one JSON object (RFC 8259) in UTF-8.
///
/// Nothing beyond the standard is taken: no comments, trailing commas, byte order mark, `NaN`, lone surrogates or
/// duplicate keys (keys that differ only in how Unicode composes their characters are duplicates).
struct ControlParser {
  /// Arrays and objects inside each other, at most: no line exhausts the stack.
  static let maximumDepth = 64

  /// What is wrong, and at which byte of the line, counted from 1.
  struct Problem: Error, Hashable, CustomStringConvertible {
    let byte: Int
    let message: String

    var description: String { "byte \(byte): \(message)" }
  }

  private let bytes: [UInt8]
  private var index = 0

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  static func parse(_ line: [UInt8]) throws(Problem) -> ControlMessage {
    var parser = ControlParser(line)
    parser.skipWhitespace()
    guard parser.next == UInt8(ascii: "{") else { throw parser.unexpected("a JSON object") }
    let message = try parser.object(depth: 0)
    parser.skipWhitespace()
    guard parser.next == nil else { throw parser.unexpected("the end of the line") }
    return message
  }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func take(word: StaticString) -> Bool {
    guard word.withUTF8Buffer({ bytes[index...].starts(with: $0) }) else { return false }
    index += word.utf8CodeUnitCount
    return true
  }

  private mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A { index += 1 }
  }

  private func problem(_ message: String) -> Problem { Problem(byte: index + 1, message: message) }

  private func unexpected(_ expected: String) -> Problem {
    let found =
      switch next {
      case nil: "the end of the line"
      case let byte? where (0x21..<0x7F).contains(byte): "'\(Character(Unicode.Scalar(byte)))'"
      case let byte?: "the byte 0x\(String(byte, radix: 16))"
      }
    return problem("found \(found), expected \(expected)")
  }

  // MARK: - Values

  /// `depth` counts the arrays and objects around the value.
  private mutating func value(depth: Int) throws(Problem) -> ControlValue {
    switch next {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try number()
    default:
      if take(word: "true") { return .bool(true) }
      if take(word: "false") { return .bool(false) }
      if take(word: "null") { return .null }
      throw unexpected("a JSON value")
    }
  }

  private mutating func open(depth: Int) throws(Problem) {
    guard depth < Self.maximumDepth else {
      throw problem("arrays and objects are nested deeper than \(Self.maximumDepth) levels")
    }
    index += 1
    skipWhitespace()
  }

  private mutating func array(depth: Int) throws(Problem) -> [ControlValue] {
    try open(depth: depth)
    if take("]") { return [] }
    var elements: [ControlValue] = []
    while true {
      elements.append(try value(depth: depth + 1))
      skipWhitespace()
      if take("]") { return elements }
      guard take(",") else { throw unexpected("',' or ']'") }
      skipWhitespace()
    }
  }

  private mutating func object(depth: Int) throws(Problem) -> ControlMessage {
    try open(depth: depth)
    if take("}") { return [:] }
    var members: [ControlMessage.Member] = []
    var keys: Set<String> = []
    while true {
      guard next == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
      let start = index
      let key = try string()
      guard keys.insert(key).inserted else {
        throw Problem(byte: start + 1, message: "found a key for the second time")
      }
      skipWhitespace()
      guard take(":") else { throw unexpected("':'") }
      skipWhitespace()
      members.append(ControlMessage.Member(key: key, value: try value(depth: depth + 1)))
      skipWhitespace()
      if take("}") { return ControlMessage(members: members) }
      guard take(",") else { throw unexpected("',' or '}'") }
      skipWhitespace()
    }
  }

  private mutating func number() throws(Problem) -> ControlValue {
    let start = index
    _ = take("-")
    if !take("0") { try digits() }
    var isInteger = true
    if take(".") {
      isInteger = false
      try digits()
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      try digits()
    }
    let text = String(decoding: bytes[start..<index], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw Problem(byte: start + 1, message: "found a number that no double can hold")
    }
    return .number(value)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private mutating func digits() throws(Problem) {
    let start = index
    while let byte = next, Self.isDigit(byte) { index += 1 }
    if index == start { throw unexpected("a digit") }
  }

  // MARK: - Strings

  private mutating func string() throws(Problem) -> String {
    index += 1
    var result = ""
    var runStart = index
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        result += try text(from: runStart)
        index += 1
        return result
      case UInt8(ascii: "\\"):
        result += try text(from: runStart)
        result.unicodeScalars.append(try escape())
        runStart = index
      case 0..<0x20: throw unexpected("its escape or a closing quote")
      default: index += 1
      }
    }
    throw unexpected("a closing quote")
  }

  private func text(from start: Int) throws(Problem) -> String {
    guard let text = String(validating: bytes[start..<index], as: UTF8.self) else {
      throw Problem(byte: start + 1, message: "found a text that is not valid UTF-8")
    }
    return text
  }

  private mutating func escape() throws(Problem) -> Unicode.Scalar {
    index += 1
    switch next {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      index += 1
      return Unicode.Scalar(bytes[index - 1])
    default: break
    }
    if take("n") { return "\n" }
    if take("t") { return "\t" }
    if take("r") { return "\r" }
    if take("b") { return "\u{8}" }
    if take("f") { return "\u{C}" }
    guard take("u") else { throw unexpected("one of \" \\ / b f n r t u after a backslash") }
    let unit = try codeUnit()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    if unit < 0xDC00, take(word: "\\u") {
      let low = try codeUnit()
      if (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
      {
        return scalar
      }
    }
    throw problem("found a lone surrogate, expected a pair of them")
  }

  private mutating func codeUnit() throws(Problem) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw unexpected("four hexadecimal digits after \\u")
      }
      unit = unit << 4 | UInt32(digit)
      index += 1
    }
    return unit
  }
}
