import JSON

extension ValueType {
  /// The value that `json` stands for; nil when it is refused, with at least one diagnostic, or not looked at.
  ///
  /// `label` says in messages which value is meant: `training.epochs`, `seeds[2]`.
  package func read(
    _ json: JSONNode, label: String, into diagnostics: inout [Diagnostic]
  ) -> ConfigurationValue? {
    switch self {
    case .anything:
      return nil
    case .list(let element, let minimumCount, let distinct):
      guard let items = json.elements else {
        diagnostics.append(Self.mismatch(json, label: label, expected: "an array"))
        return nil
      }
      if items.count < minimumCount {
        diagnostics.append(
          Self.mismatch(json, label: label, found: "an empty array", expected: "at least one value"))
        return nil
      }
      return element.readList(items, label: label, distinct: distinct, into: &diagnostics)
    case .oneOrList(let element):
      guard let items = json.elements else {
        return readScalar(json, label: label, into: &diagnostics).map { .scalar($0) }
      }
      return element.readList(items, label: label, distinct: false, into: &diagnostics)
    default:
      return readScalar(json, label: label, into: &diagnostics).map { .scalar($0) }
    }
  }

  /// The same for a value that must be single.
  package func readScalar(
    _ json: JSONNode, label: String, into diagnostics: inout [Diagnostic]
  ) -> JSONScalar? {
    switch scalar(from: json) {
    case .success(let value): return value
    case .failure(let objection):
      diagnostics.append(Self.mismatch(json, label: label, expected: objection.expected))
      return nil
    }
  }

  private func readList(
    _ items: [JSONNode], label: String, distinct: Bool, into diagnostics: inout [Diagnostic]
  ) -> ConfigurationValue? {
    var values: [JSONScalar] = []
    var firstPlaces: [JSONScalar: Int] = [:]
    var sound = true
    for (index, item) in items.enumerated() {
      guard let value = readScalar(item, label: "\(label)[\(index)]", into: &diagnostics) else {
        sound = false
        continue
      }
      values.append(value)
      guard distinct else { continue }
      if let first = firstPlaces[value] {
        diagnostics.append(Self.repetition(item, label: "\(label)[\(index)]", first: "\(label)[\(first)]"))
        sound = false
      } else {
        firstPlaces[value] = index
      }
    }
    return sound ? .list(values) : nil
  }

  static func repetition(_ json: JSONNode, label: String, first: String) -> Diagnostic {
    Diagnostic(
      position: json.position,
      message: "\(label): found \(json.value.summary) again, the first is \(first); expected distinct values")
  }

  static func mismatch(
    _ json: JSONNode, label: String, found: String? = nil, expected: String
  ) -> Diagnostic {
    let hint = json.value == .null ? "; leave the key out for its default" : ""
    return Diagnostic(
      position: json.position,
      message: "\(label): found \(found ?? json.value.summary), expected \(expected)\(hint)")
  }

  private struct Objection: Error {
    var expected: String
  }

  private func scalar(from json: JSONNode) -> Result<JSONScalar, Objection> {
    switch (self, json.value) {
    case (.boolean, .bool(let value)), (.oneOrList(of: .boolean), .bool(let value)):
      return .success(.boolean(value))
    case (.integer(let range), .numeral(let numeral)):
      return Self.integer(numeral, in: range)
    case (.number(let range), .numeral(let numeral)):
      let value = numeral.value
      if let expected = range.objection(to: value) { return .failure(Objection(expected: expected)) }
      // -0 and 0 are one value, so they must be one here.
      return .success(.number(value == 0 ? 0 : value))
    case (.choice(let choices), .string(let text)) where choices.contains(text):
      return .success(.string(text))
    case (.integerChoice(let choices), .numeral(let numeral)):
      if let value = numeral.integer, choices.contains(value) { return .success(.integer(value)) }
    case (.name(let taken), .string(let text)) where Self.isName(text):
      if !taken.contains(text) { return .success(.string(text)) }
      return .failure(Objection(expected: "another name: the results folder has its own use for this one"))
    case (.path, .string(let text)) where !text.isEmpty && !text.utf8.contains(0):
      return .success(.string(text))
    case (.choice(let choices), .string(let text)):
      let near = Nearest.name(to: text, among: choices).map { "; did you mean \($0.quoted)?" }
      return .failure(Objection(expected: expectation + (near ?? "")))
    default: break
    }
    return .failure(Objection(expected: expectation))
  }

  private static func integer(
    _ numeral: JSONNumeral, in range: ClosedRange<Int>
  ) -> Result<JSONScalar, Objection> {
    guard let value = numeral.integer else {
      // Too long for an Int, or not whole at all.
      guard numeral.value.magnitude > 0x1p53 else { return .failure(Objection(expected: "an integer")) }
      let bound = numeral.value < 0 ? "at least \(range.lowerBound)" : "at most \(range.upperBound)"
      return .failure(Objection(expected: bound))
    }
    if value < range.lowerBound { return .failure(Objection(expected: "at least \(range.lowerBound)")) }
    if value > range.upperBound { return .failure(Objection(expected: "at most \(range.upperBound)")) }
    return .success(.integer(value))
  }

  /// ASCII alone, so that a name is the same file name on every system.
  private static func isName(_ text: String) -> Bool {
    let bytes = text.utf8
    guard (1...100).contains(bytes.count), bytes.first != UInt8(ascii: ".") else { return false }
    return text.unicodeScalars.allSatisfy { scalar in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": true
      default: false
      }
    }
  }

  /// What the type takes, in a message's words.
  package var expectation: String {
    switch self {
    case .anything: "any value"
    case .boolean: "true or false"
    case .integer: "an integer"
    case .number: "a number"
    case .choice(let choices): choices.map(\.quoted).joinedAsChoice
    case .integerChoice(let choices): choices.map { "\($0)" }.joinedAsChoice
    case .name: "1 to 100 letters, digits, \".\", \"_\" or \"-\", not beginning with a dot"
    case .path: "the path of a file"
    case .list(let element, _, _): "an array, each value \(element.expectation)"
    case .oneOrList(let element): "\(element.expectation), or an array of such"
    case .section, .grid: "an object"
    case .variants: "an array of objects"
    }
  }
}

extension [String] {
  /// `a`, `a or b`, `a, b or c`.
  var joinedAsChoice: String {
    guard count > 1, let last else { return first ?? "" }
    return dropLast().joined(separator: ", ") + " or " + last
  }
}
