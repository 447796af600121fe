/// A JSON value.
///
/// Equal values are written as equal bytes: an object keeps the order of its members, and a `numeral` its spelling.
package enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  /// JSON has no word for numbers that are not finite: they are written as `null`.
  case number(Double)
  /// A number as it is spelled in a text.
  case numeral(JSONNumeral)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  package init(_ value: String?) { self = value.map(Self.string) ?? .null }
  package init(_ value: Int?) { self = value.map(Self.integer) ?? .null }
  package init(_ value: Double?) { self = value.map(Self.number) ?? .null }

  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// The value of a number of any kind.
  package var number: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    case .numeral(let numeral): numeral.value
    default: nil
    }
  }

  /// The value of an object's key; nil where it has none or this is no object.
  package subscript(key: String) -> JSONValue? { object?[key] }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .number(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(nilLiteral: ()) { self = .null }
  /// No key may occur twice.
  package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}
