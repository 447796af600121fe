import JSON

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
