/// A JSON value of a control message.
///
/// A number without a fraction or exponent that fits an `Int` is an `integer`, every other one a `number`.
package enum ControlValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  /// Finite: JSON has no word for the others, which are written as `null`.
  case number(Double)
  case string(String)
  case array([ControlValue])
  case object(ControlMessage)

  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var array: [ControlValue]? { if case .array(let value) = self { value } else { nil } }
  package var object: ControlMessage? { if case .object(let value) = self { value } else { nil } }

  /// The value of a `number` or an `integer`.
  package var number: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }
}

extension ControlValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .number(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: ControlValue...) { self = .array(elements) }
  package init(nilLiteral: ()) { self = .null }
  package init(dictionaryLiteral elements: (String, ControlValue)...) {
    self = .object(ControlMessage(elements))
  }
}
