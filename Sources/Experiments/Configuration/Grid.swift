import JSON

/// A key that a grid varies, and the values it takes, in the order of the file.
package struct GridAxis: Sendable, Hashable {
  /// In full: `training.learning_rate`.
  package var key: String
  package var values: [JSONScalar]

  package init(key: String, values: [JSONScalar]) {
    self.key = key
    self.values = values
  }
}

/// A varied key's value at one point of a grid.
package struct GridSetting: Sendable, Hashable {
  package var key: String
  package var value: JSONScalar

  package init(key: String, value: JSONScalar) {
    self.key = key
    self.value = value
  }
}

/// Every way to pick one element of each list, the first list's changing slowest; one empty way for no lists.
func combinations<Element>(_ lists: [[Element]]) -> [[Element]] {
  lists.reduce([[]]) { partial, list in
    partial.flatMap { head in list.map { head + [$0] } }
  }
}

/// One coordinate of a grid point: a config key in full, such as `training.learning_rate`, and its value as
/// text.
package struct GridText: Hashable, Sendable {
  package var key: String
  /// As in the run's id and in tables.
  package var text: String

  package init(key: String, text: String) {
    self.key = key
    self.text = text
  }

  package init(_ setting: GridSetting) {
    self.init(key: setting.key, text: setting.value.text)
  }

  /// A number or a truth value where the text is one in JSON, else a string.
  var json: JSONValue {
    switch text {
    case "true": .bool(true)
    case "false": .bool(false)
    default: JSONNumeral(text).map(JSONValue.numeral) ?? .string(text)
    }
  }
}
