/// What is wrong with a JSON text, and where.
///
/// Who shows it to people puts it into words: a file has lines, a message has bytes.
package struct JSONProblem: Hashable, Sendable {
  /// What it is, with where that begins if it is not at `offset`.
  package enum Kind: Hashable, Sendable {
    /// Something else, or the text's end, is at `offset`.
    case expected(Expectation)
    /// At `offset`, inside a string.
    case controlCharacter
    /// An escape from `start` on is one half of a pair whose other half is not there.
    case loneSurrogate(UInt32)
    /// From `start` to `offset`: no double is near.
    case numberTooLarge
    /// The key from `start` to `offset`; where it stands first is known if such keys are reported and not refused.
    case duplicateKey(String, first: TextPosition?)
    /// The value at `offset` has too many arrays and objects around it.
    case tooDeep
    /// The text has more bytes than it may.
    case tooLong
    case byteOrderMark
    /// The byte at `offset`, or somewhere in the string whose characters begin at `start` and end at `offset`.
    case notUTF8
  }

  /// What may stand at a place.
  package enum Expectation: Hashable, Sendable {
    case value, object, key, colon, commaOrBracket, commaOrBrace, end
    case digit, natural
    case hexadecimalDigit, escape, closingQuote
  }

  package let kind: Kind
  /// Where the string, number or escape begins that is wrong; `offset` where it is none of these.
  package let start: Int
  /// How far the parser had come, in bytes from the text's beginning.
  package let offset: Int
  /// The line and column of what is wrong.
  package let position: TextPosition

  /// What people are shown: a key, number or surrogate from where it begins, every other problem at the very byte.
  static func place(_ kind: Kind, start: Int, offset: Int) -> Int {
    switch kind {
    case .loneSurrogate, .numberTooLarge, .duplicateKey: start
    default: offset
    }
  }
}

extension JSONProblem.Expectation {
  /// What is expected, in words; `quote` is put around punctuation, and `text` says what ends: a file, a line.
  package func words(quote: String, text: String) -> String {
    func quoted(_ character: String) -> String { quote + character + quote }
    return switch self {
    case .value: "a JSON value"
    case .object: "a JSON object"
    case .key: "a key in double quotes"
    case .colon: quoted(":")
    case .commaOrBracket: quoted(",") + " or " + quoted("]")
    case .commaOrBrace: quoted(",") + " or " + quoted("}")
    case .end: "the end of the " + text
    case .digit: "a digit"
    case .natural: "a whole number from 0"
    case .hexadecimalDigit: "four hexadecimal digits after \\u"
    case .escape: "one of \" \\ / b f n r t u after a backslash"
    case .closingQuote: "a closing quote"
    }
  }
}
