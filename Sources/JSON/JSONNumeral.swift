/// A number as it is spelled: `128`, `128.0` and `1.28e2` are different numerals of one number.
package struct JSONNumeral: Hashable, Sendable {
  package let text: String

  /// Nil for a text that is no number in JSON.
  package init?(_ text: String) {
    guard text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil else { return nil }
    self.text = text
  }

  /// `text` must follow JSON's grammar.
  init(unchecked text: String) {
    self.text = text
  }

  /// The nearest double; not finite where the number is beyond the largest one.
  package var value: Double { Double(text) ?? .nan }

  /// The exact integer where the number is one that an Int holds, however it is spelled.
  package var integer: Int? {
    if let integer = Int(text) { return integer }
    // Beyond 2^53 a double may stand for several integers: there the digits themselves must say which.
    let value = value
    return value.magnitude <= 0x1p53 ? Int(exactly: value) : nil
  }
}

extension Double {
  /// The shortest decimals that read back as the same double, whole numbers without a point: `1`, `0.001`, `1e-05`.
  package var shortestText: String {
    if self == 0 { return "0" }
    let text = description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
