import JSON

/// An experiment file's text: JSON, all of whose duplicate keys are reported.
package struct ConfigurationText: Sendable {
  /// The largest file that is read, far above what experiments need.
  static let largestFile = 1 << 20

  /// Nil after an error that ended the parse.
  package let root: JSONNode?
  /// The duplicate keys, then the error that ended the parse if there is one.
  package let diagnostics: [Diagnostic]

  package init(parsing bytes: [UInt8]) {
    let outcome = JSONParser.parse(bytes, as: Self.syntax)
    root = outcome.root
    diagnostics = outcome.problems.map { problem in
      Diagnostic(position: problem.position, message: Self.message(problem, in: bytes))
    }
  }

  static let syntax: JSONSyntax = {
    var syntax = JSONSyntax(maximumDepth: 128)
    syntax.maximumBytes = largestFile
    syntax.duplicateKeys = .reported
    syntax.numbers = .asSpelled
    syntax.encoding = .checkedFirst
    syntax.keepsPositions = true
    return syntax
  }()

  /// What was found, and what was expected.
  private static func message(_ problem: JSONProblem, in bytes: [UInt8]) -> String {
    switch problem.kind {
    case .expected(let expectation):
      if bytes.isEmpty { return "the file is empty, expected a JSON value" }
      let isAfterZero = isDigitAfterLeadingZero(problem.offset, in: bytes)
      let expected =
        isAfterZero ? "no digit after a leading 0" : expectation.words(quote: "\"", text: "file")
      return "found \(found(at: problem.offset, in: bytes)), expected \(expected)"
    case .controlCharacter:
      let code = String(bytes[problem.offset], radix: 16, uppercase: true)
      return "found the control character U+\(code.count < 2 ? "000" : "00")\(code) in a string, "
        + "expected its escape or a closing quote"
    case .loneSurrogate(let unit):
      return "found the lone surrogate \\u\(String(unit, radix: 16)), expected a pair of surrogates"
    case .numberTooLarge:
      let text = String(decoding: bytes[problem.start..<problem.offset], as: UTF8.self)
      return "found \(text.shortened), expected a number that a double can hold (below 1.8e308)"
    case .duplicateKey(let key, let first):
      let place = first.map { "; the first one is at \($0.line):\($0.column)" } ?? ""
      return "duplicate key \(key.quoted)\(place)"
    case .tooDeep:
      return "arrays and objects are nested deeper than \(syntax.maximumDepth) levels"
    case .tooLong:
      return "the file is larger than \(largestFile) bytes, the most that an experiment may have"
    case .byteOrderMark:
      return "found a byte order mark, expected a JSON value; save the file without the mark"
    case .notUTF8:
      let byte = String(bytes[problem.offset], radix: 16)
      return "found the byte 0x\(byte), which is not valid here in UTF-8; save the file as UTF-8"
    }
  }

  private static func found(at offset: Int, in bytes: [UInt8]) -> String {
    guard offset < bytes.count else { return "the end of the file" }
    let character = String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self)
      .unicodeScalars.first
    return String(String.UnicodeScalarView([character ?? "?"])).quoted
  }

  /// Whether this is why something else was expected: only a number that begins with 0 ends before a digit.
  private static func isDigitAfterLeadingZero(_ offset: Int, in bytes: [UInt8]) -> Bool {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return offset > 0 && offset < bytes.count && digits.contains(bytes[offset])
      && bytes[offset - 1] == UInt8(ascii: "0")
  }
}
