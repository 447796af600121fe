/// What values a key of the config takes.
package indirect enum ValueType: Sendable, Hashable {
  /// Not looked at.
  case anything
  case boolean
  case integer(ClosedRange<Int>)
  case number(NumberRange)
  case choice([String])
  case integerChoice([Int])
  /// A name that is safe as a folder's; some are taken.
  case name(taken: [String])
  /// A file's path.
  case path
  case list(of: ValueType, minimumCount: Int, distinct: Bool)
  /// One value, or a list of such.
  case oneOrList(of: ValueType)
  /// An object whose keys are in the table, one level down.
  case section
  case variants
  case grid

  /// Whether a single value can stand for the key, as a grid's must.
  package var takesScalar: Bool {
    switch self {
    case .boolean, .integer, .number, .choice, .integerChoice, .name, .path, .oneOrList: true
    case .anything, .list, .section, .variants, .grid: false
    }
  }
}

/// The numbers between two ends, each of them open, closed or absent.
package struct NumberRange: Sendable, Hashable {
  package var above: Double?
  package var atLeast: Double?
  package var below: Double?
  package var atMost: Double?

  package init(above: Double? = nil, atLeast: Double? = nil, below: Double? = nil, atMost: Double? = nil) {
    self.above = above
    self.atLeast = atLeast
    self.below = below
    self.atMost = atMost
  }

  /// What a message says was expected in place of `value`; nil when the range holds it.
  package func objection(to value: Double) -> String? {
    if let above, value <= above { return "a number above \(JSONScalar.number(above).text)" }
    if let atLeast, value < atLeast { return "at least \(JSONScalar.number(atLeast).text)" }
    if let below, value >= below { return "a number below \(JSONScalar.number(below).text)" }
    if let atMost, value > atMost { return "at most \(JSONScalar.number(atMost).text)" }
    return nil
  }
}
