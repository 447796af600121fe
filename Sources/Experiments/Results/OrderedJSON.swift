import Foundation

/// JSON to be written: objects keep the order of their members, so that the same content is the same bytes.
///
/// JSON has no word for numbers that are not finite: they become `null`.
package enum OrderedJSON: Hashable, Sendable {
  package struct Member: Hashable, Sendable {
    package var key: String
    package var value: OrderedJSON

    package init(_ key: String, _ value: OrderedJSON) {
      self.key = key
      self.value = value
    }
  }

  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  /// A number as it was written.
  case numeral(String)
  case string(String)
  case array([OrderedJSON])
  case object([Member])

  package init(_ value: String?) { self = value.map(Self.string) ?? .null }
  package init(_ value: Int?) { self = value.map(Self.integer) ?? .null }
  package init(_ value: Double?) { self = value.map(Self.number) ?? .null }

  /// Over several lines, indented by two spaces a level; without a line feed at the end.
  package var pretty: String { text(indentation: "\n") }

  private func text(indentation: String) -> String {
    let inner = indentation + "  "
    switch self {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .integer(let value): return String(value)
    case .number(let value): return value.isFinite ? value.description : "null"
    case .numeral(let text): return text
    case .string(let text): return Self.quoted(text)
    case .array(let elements):
      if elements.isEmpty { return "[]" }
      return "[" + inner + elements.map { $0.text(indentation: inner) }.joined(separator: "," + inner)
        + indentation + "]"
    case .object(let members):
      if members.isEmpty { return "{}" }
      let texts = members.map { Self.quoted($0.key) + ": " + $0.value.text(indentation: inner) }
      return "{" + inner + texts.joined(separator: "," + inner) + indentation + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\0"..<" ": result += String(format: "\\u%04x", scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
