// MARK: - Numbers

extension JSONParser {
  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// Parses a number, which begins here with its sign or first digit.
  mutating func number() throws(Stop) -> JSONValue {
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
    if syntax.numbers == .read, let integer { return .integer(integer) }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
    guard let value = Double(text), value.isFinite else { throw stop(.numberTooLarge, from: start) }
    return syntax.numbers == .read ? .number(value) : .numeral(JSONNumeral(unchecked: text))
  }

  /// Parses a whole number from 0 that an Int holds.
  mutating func natural() throws(Stop) -> JSONValue {
    let start = index
    var integer: Int? = 0
    while let byte = next, Self.isDigit(byte) {
      integer = Self.append(byte, to: integer, false)
      index += 1
    }
    let hasLeadingZero = index > start + 1 && bytes[start] == UInt8(ascii: "0")
    if index > start, !hasLeadingZero, let integer { return .integer(integer) }
    index = start
    throw stop(.expected(.natural))
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

  private mutating func digits() throws(Stop) {
    let start = index
    while let byte = next, Self.isDigit(byte) { index += 1 }
    if index == start { throw stop(.expected(.digit)) }
  }
}

// MARK: - Strings

extension JSONParser {
  /// Parses a string, which begins here with its opening quote.
  mutating func string() throws(Stop) -> String {
    index += 1
    let start = index
    index = bytes.endOfPlainText(from: index)
    // Most strings have no escape: their bytes are copied once, into the string.
    if next == UInt8(ascii: "\"") {
      let text = try decode(UnsafeBufferPointer(rebasing: bytes[start..<index]), from: start)
      index += 1
      return text
    }
    decoded.removeAll(keepingCapacity: true)
    var runStart = start
    while next == UInt8(ascii: "\\") {
      decoded.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
      append(try escape())
      runStart = index
      index = bytes.endOfPlainText(from: index)
    }
    guard let byte = next else { throw stop(.expected(.closingQuote), from: start) }
    guard byte == UInt8(ascii: "\"") else { throw stop(.controlCharacter) }
    decoded.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<index]))
    // Apart: whatever ends the parse may change the parser while the bytes are read.
    let bytes = decoded
    let text = try bytes.withUnsafeBufferPointer { utf8 throws(Stop) -> String in
      try decode(utf8, from: start)
    }
    index += 1
    return text
  }

  /// The text of the string whose characters begin at `start` and end here.
  private mutating func decode(_ utf8: UnsafeBufferPointer<UInt8>, from start: Int) throws(Stop) -> String {
    // What is sure to be valid is decoded many times faster.
    if utf8.isASCII { return String(decoding: utf8, as: UTF8.self) }
    guard let text = String(validating: utf8, as: UTF8.self) else { throw stop(.notUTF8, from: start) }
    return text
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    if scalar.isASCII { return decoded.append(UInt8(scalar.value)) }
    for byte in UTF8.encode(scalar)! { decoded.append(byte) }
  }

  /// Parses an escape, which begins here with its backslash; two that form a surrogate pair are one character.
  private mutating func escape() throws(Stop) -> Unicode.Scalar {
    let start = index
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
    guard take("u") else { throw stop(.expected(.escape)) }
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
    throw stop(.loneSurrogate(unit), from: start)
  }

  /// Parses the four hexadecimal digits of an escape.
  private mutating func codeUnit() throws(Stop) -> UInt32 {
    let start = index
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw stop(.expected(.hexadecimalDigit), from: start)
      }
      unit = unit << 4 | UInt32(digit)
      index += 1
    }
    return unit
  }
}
