extension JSONParser {
  /// Parses a string, the cursor being on its opening quote.
  mutating func string() throws(Diagnostic) -> String {
    cursor.advance()
    var result = ""
    var runStart = cursor.offset
    while let byte = cursor.next {
      switch byte {
      case UInt8(ascii: "\""):
        result += cursor.text(from: runStart)
        cursor.advance()
        return result
      case UInt8(ascii: "\\"):
        result += cursor.text(from: runStart)
        result.unicodeScalars.append(try escape())
        runStart = cursor.offset
      case 0x00..<0x20:
        let code = String(byte, radix: 16, uppercase: true)
        throw Diagnostic(
          position: cursor.position,
          message: "found the control character U+\(byte < 16 ? "000" : "00")\(code) in a string, "
            + "expected its escape or a closing quote")
      default:
        cursor.advance()
      }
    }
    throw cursor.unexpected(expected: "a closing quote")
  }

  /// Parses an escape, the cursor being on its backslash; two that form a surrogate pair are one character.
  private mutating func escape() throws(Diagnostic) -> Unicode.Scalar {
    let position = cursor.position
    cursor.advance()
    let simple: [UInt8: Unicode.Scalar] = [
      UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
      UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
    ]
    if let byte = cursor.next, let scalar = simple[byte] {
      cursor.advance()
      return scalar
    }
    guard cursor.take("u") else {
      throw cursor.unexpected(expected: "one of \" \\ / b f n r t u after a backslash")
    }
    let unit = try codeUnit()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    if unit < 0xDC00, cursor.begins(with: "\\u") {
      cursor.advance(by: 2)
      let low = try codeUnit()
      if (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
      {
        return scalar
      }
    }
    throw Diagnostic(
      position: position,
      message: "found the lone surrogate \\u\(String(unit, radix: 16)), expected a pair of surrogates")
  }

  /// Parses the four hexadecimal digits of a `\u` escape.
  private mutating func codeUnit() throws(Diagnostic) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = cursor.next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80
      else {
        throw cursor.unexpected(expected: "four hexadecimal digits after \\u")
      }
      unit = unit << 4 | UInt32(digit)
      cursor.advance()
    }
    return unit
  }

  /// Parses a number, the cursor being on its sign or first digit.
  mutating func number() throws(Diagnostic) -> JSONNumber {
    let position = cursor.position
    let start = cursor.offset
    _ = cursor.take("-")
    if cursor.take("0") {
      if let byte = cursor.next, isDigit(byte) {
        throw cursor.unexpected(expected: "no digit after a leading 0")
      }
    } else {
      try digits()
    }
    if cursor.take(".") { try digits() }
    if cursor.take("e") || cursor.take("E") {
      if !cursor.take("+") { _ = cursor.take("-") }
      try digits()
    }
    let text = cursor.text(from: start)
    guard let number = JSONNumber(text: text) else {
      throw Diagnostic(
        position: position,
        message: "found \(text.shortened), expected a number that a double can hold (below 1.8e308)")
    }
    return number
  }

  private mutating func digits() throws(Diagnostic) {
    guard let first = cursor.next, isDigit(first) else { throw cursor.unexpected(expected: "a digit") }
    while let byte = cursor.next, isDigit(byte) { cursor.advance() }
  }

  func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
