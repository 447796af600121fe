import JSON

extension SafetensorsHeader {
  /// Objects, strings and lists of whole numbers from 0, three levels of them; a key that an object has twice is an error.
  static let syntax: JSONSyntax = {
    var syntax = JSONSyntax(maximumDepth: 3)
    syntax.maximumBytes = maximumLength
    syntax.subset = .stringsAndNaturals
    return syntax
  }()

  /// What is wrong with a header's text, and at which byte of it.
  static func describe(_ problem: JSONProblem, in text: UnsafeRawBufferPointer) -> (offset: Int, what: String)
  {
    let offset = problem.offset
    switch problem.kind {
    case .expected(.natural): return (offset, "a whole number from 0 expected")
    case .expected(.end): return (offset, "unexpected text after the end")
    case .expected(.colon): return (offset, "':' expected")
    case .expected(.commaOrBrace): return (offset, "'}' expected")
    case .expected(.commaOrBracket): return (offset, "']' expected")
    case .expected(.escape):
      return (offset, offset < text.count ? "an unknown escape" : "a string without an end")
    case .expected(.hexadecimalDigit):
      // Where the text ends within the digits, none of them counts.
      return (text.count - problem.start < 4 ? problem.start : offset, "four hexadecimal digits expected")
    case .expected(.closingQuote) where !isUTF8(text[problem.start..<offset]), .notUTF8, .byteOrderMark:
      return (offset, "a string that is not UTF-8")
    case .expected: return (offset, "'\"' expected")
    case .controlCharacter: return (offset, "a control character in a string")
    case .loneSurrogate(let unit):
      // After the first half a backslash was right; what follows it is not.
      let isBackslash = offset < text.count && text[offset] == UInt8(ascii: "\\")
      let isFirstHalfAlone = unit < 0xDC00 && offset == problem.start + 6
      return (isFirstHalfAlone && isBackslash ? offset + 1 : offset, "half a surrogate pair")
    case .duplicateKey(let key, _): return (offset, "\"\(key)\" occurs twice")
    case .tooDeep: return (endOfColon(before: offset, in: text), "nested too deeply")
    case .numberTooLarge, .tooLong: return (offset, "unexpected size")
    }
  }

  private static func isUTF8(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
  }

  /// A value counts from its colon on, white space included.
  private static func endOfColon(before offset: Int, in text: UnsafeRawBufferPointer) -> Int {
    text[..<offset].lastIndex(of: UInt8(ascii: ":")).map { $0 + 1 } ?? offset
  }
}
