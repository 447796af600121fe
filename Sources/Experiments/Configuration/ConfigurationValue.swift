import JSON

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

  package var json: JSONValue {
    switch self {
    case .boolean(let value): .bool(value)
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .string(let value): .string(value)
    }
  }
}

/// A config's value after validation, of the type that its key takes.
package enum ConfigurationValue: Sendable, Hashable {
  case scalar(JSONScalar)
  case list([JSONScalar])

  package var json: JSONValue {
    switch self {
    case .scalar(let value): value.json
    case .list(let values): .array(values.map(\.json))
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
