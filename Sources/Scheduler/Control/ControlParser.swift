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

  private let bytes: UnsafeBufferPointer<UInt8>
  private var index = 0
  /// Room for a string with escapes.
  private var decoded: [UInt8] = []

  private init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  static func parse(_ line: [UInt8]) throws(Problem) -> ControlMessage {
    // The parser and with it the pointer end with the call.
    try line.withUnsafeBufferPointer { bytes throws(Problem) in
      var parser = ControlParser(bytes)
      return try parser.line()
    }
  }

  private mutating func line() throws(Problem) -> ControlMessage {
    skipWhitespace()
    guard next == UInt8(ascii: "{") else { throw unexpected("a JSON object") }
    let message = try object(depth: 0)
    skipWhitespace()
    guard next == nil else { throw unexpected("the end of the line") }
    return message
  }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func take(word: StaticString) -> Bool {
    guard word.withUTF8Buffer({ bytes[index...].prefix($0.count).elementsEqual($0) }) else { return false }
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
    // Of the one object that every line is; many small ones within it must not take much more memory than they need.
    if depth == 0 { members.reserveCapacity(24) }
    var keys = ControlKeys()
    while true {
      guard next == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
      let start = index
      let key = try string()
      guard keys.insert(key, after: members) else {
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
    let isNegative = take("-")
    // Nil from where on an Int does not hold it.
    var integer: Int? = 0
    if !take("0") {
      let first = index
      try digits()
      for digit in bytes[first..<index] { integer = Self.append(digit, to: integer, isNegative) }
    }
    if take(".") {
      integer = nil
      try digits()
    }
    if take("e") || take("E") {
      integer = nil
      if !take("+") { _ = take("-") }
      try digits()
    }
    if let integer { return .integer(integer) }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw Problem(byte: start + 1, message: "found a number that no double can hold")
    }
    return .number(value)
  }

  private static func append(_ digit: UInt8, to integer: Int?, _ isNegative: Bool) -> Int? {
    guard let (shifted, overflows) = integer?.multipliedReportingOverflow(by: 10), !overflows else {
      return nil
    }
    let value = Int(digit - UInt8(ascii: "0"))
    let (sum, overflow) =
      isNegative ? shifted.subtractingReportingOverflow(value) : shifted.addingReportingOverflow(value)
    return overflow ? nil : sum
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
    let start = index
    index = bytes.endOfPlainText(from: index)
    // Most strings have no escape: their bytes are copied once, into the string.
    if next == UInt8(ascii: "\"") {
      defer { index += 1 }
      return try text(UnsafeBufferPointer(rebasing: bytes[start..<index]), from: start)
    }
    decoded.removeAll(keepingCapacity: true)
    var runStart = start
    while next == UInt8(ascii: "\\") {
      decoded.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
      append(try escape())
      runStart = index
      index = bytes.endOfPlainText(from: index)
    }
    guard let byte = next else { throw unexpected("a closing quote") }
    guard byte == UInt8(ascii: "\"") else { throw unexpected("its escape or a closing quote") }
    decoded.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
    index += 1
    return try decoded.withUnsafeBufferPointer { utf8 throws(Problem) in try text(utf8, from: start) }
  }

  /// The text of the string that begins at `start` in the line.
  private func text(_ utf8: UnsafeBufferPointer<UInt8>, from start: Int) throws(Problem) -> String {
    // What is sure to be valid is decoded many times faster.
    if utf8.isASCII { return String(decoding: utf8, as: UTF8.self) }
    guard let text = String(validating: utf8, as: UTF8.self) else {
      throw Problem(byte: start + 1, message: "found a text that is not valid UTF-8")
    }
    return text
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    if scalar.isASCII { return decoded.append(UInt8(scalar.value)) }
    for byte in UTF8.encode(scalar)! { decoded.append(byte) }
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
