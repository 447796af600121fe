/// A single value of a config: what a grid axis lists and what a run id spells.
package enum JSONScalar: Sendable, Hashable {
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)

  /// The value as text: the shortest decimals that read back the same, strings as they are.
  package var text: String {
    switch self {
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): value.shortestText
    case .string(let value): value
    }
  }

  /// The value in JSON, the same text for the same value always.
  package var canonicalText: String {
    guard case .string(let text) = self else { return self.text }
    let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    if isPlain { return "\"\(text)\"" }
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" {
        result += "\\"
        result.unicodeScalars.append(scalar)
      } else if scalar.value < 0x20 {
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// A config's value after validation, of the type that its key takes.
package enum ConfigurationValue: Sendable, Hashable {
  case scalar(JSONScalar)
  case list([JSONScalar])

  package var canonicalText: String {
    switch self {
    case .scalar(let value): value.canonicalText
    case .list(let values): "[" + values.map(\.canonicalText).joined(separator: ",") + "]"
    }
  }

  package var scalar: JSONScalar? {
    if case .scalar(let value) = self { value } else { nil }
  }

  package var integer: Int? {
    if case .scalar(.integer(let value)) = self { value } else { nil }
  }

  package var string: String? {
    if case .scalar(.string(let value)) = self { value } else { nil }
  }
}

extension Double {
  /// The shortest decimals that read back as the same double, whole numbers without a point: `1`, `0.001`, `1e-05`.
  fileprivate var shortestText: String {
    if self == 0 { return "0" }
    let text = description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
