import Files
import JSON

extension JSONValue {
  /// What a message says was found: scalars as written, the others by their kind.
  package var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): value.shortestText
    case .numeral(let numeral): numeral.text.shortened
    case .string(let text): text.quoted
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension String {
  /// At most 60 characters of the text, for messages.
  var shortened: String {
    unicodeScalars.count <= 60 ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(60))) + "..."
  }

  /// The text in double quotes, shortened, with control characters escaped so that a terminal shows them.
  var quoted: String {
    var result = "\""
    for scalar in shortened.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result += "\\" }
      result += String(scalar).inMessage()
    }
    return result + "\""
  }
}
