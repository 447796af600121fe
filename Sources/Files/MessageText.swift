extension String {
  /// Bytes of the longest message: enough for what a person reads, and for two paths of any length but the longest.
  package static let longestMessage = 2_048

  /// The text as messages, logs and terminals may have it: without control characters, which are shown escaped, and of at
  /// most so many bytes in UTF-8, with an ellipsis where it was cut.
  ///
  /// What messages quote comes from files and folders: a name may hold a line feed or an escape sequence, and a damaged file
  /// may have a million numbers where a few are expected.
  ///
  /// - Parameter keepsLines: whether line feeds stay as they are.
  package func inMessage(upTo bytes: Int = String.longestMessage, keepsLines: Bool = false) -> String {
    if utf8.count <= bytes, utf8.allSatisfy({ 0x20..<0x7F ~= $0 || keepsLines && $0 == 0x0A }) { return self }
    return joined(upTo: bytes) { keepsLines && $0 == "\n" ? "\n" : $0.inMessage }
  }

  /// The text as it is, of at most so many bytes in UTF-8, for what escapes controls by itself.
  package func cut(to bytes: Int = String.longestMessage) -> String {
    utf8.count <= bytes ? self : joined(upTo: bytes) { String($0) }
  }

  /// What stands for the characters, as much of it as there is room for, with an ellipsis where that is not all.
  private func joined(upTo bytes: Int, _ shown: (Unicode.Scalar) -> String) -> String {
    var result = ""
    var length = 0
    // Up to here an ellipsis fits behind it.
    var place = 0
    for scalar in unicodeScalars {
      let piece = shown(scalar)
      length += piece.utf8.count
      if length > bytes { return String(decoding: result.utf8.prefix(place), as: UTF8.self) + Self.ellipsis }
      result += piece
      if length <= bytes - Self.ellipsis.utf8.count { place = length }
    }
    return result
  }

  private static let ellipsis = "…"
}

extension Unicode.Scalar {
  /// The scalar itself, or its escape where it would steer a terminal or break a line.
  fileprivate var inMessage: String {
    switch self {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default: break
    }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      let digits = String(value, radix: 16)
      return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    default: return String(self)
    }
  }
}
