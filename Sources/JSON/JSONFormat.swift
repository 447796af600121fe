/// How JSON is written.
package struct JSONFormat: Hashable, Sendable {
  /// Which control characters have a short escape; the others have four hexadecimal digits.
  enum Escapes: Hashable, Sendable {
    case none
    /// `\n`, `\r`, `\t`.
    case common
    /// These and `\b`, `\f`.
    case all
  }

  /// Over several lines, indented by two spaces a level; else without white space.
  var isPretty = false
  /// In the order of their bytes; else in that of the objects.
  var sortsKeys = false
  /// Doubles that are whole without a point, and -0 as 0.
  var shortensNumbers = false
  var escapes = Escapes.common

  /// On one line.
  package static let compact = JSONFormat()
  /// For people.
  package static let pretty = JSONFormat(isPretty: true)
  /// The same bytes for the same content, whatever the order of its objects.
  package static let canonical = JSONFormat(sortsKeys: true, shortensNumbers: true, escapes: .none)
  /// On one line, all short escapes used.
  package static let brief = JSONFormat(escapes: .all)
}
