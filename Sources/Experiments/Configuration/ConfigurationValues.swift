import JSON

/// The values of a run's keys by full path, ready to become the configuration structs.
package struct ConfigurationValues: Sendable, Hashable {
  private var values: [String: ConfigurationValue]

  init(_ values: [String: ConfigurationValue]) {
    self.values = values
  }

  package internal(set) subscript(path: String) -> ConfigurationValue? {
    get { values[path] }
    set { values[path] = newValue }
  }

  /// These values with the defaults of those of `keys` that were left out and mean something here.
  ///
  /// A default that hangs on a key of `varying` is left open: which it is depends on the grid point.
  func filled(from keys: [ConfigurationKey], varying: Set<String> = []) -> ConfigurationValues {
    var result = self
    // The table lists a key after those that it depends on.
    for key in keys where result.values[key.path] == nil {
      if let condition = key.condition {
        guard !varying.contains(condition.key), let choice = result[condition.key]?.string,
          condition.choices.contains(choice)
        else { continue }
      }
      switch key.fallback {
      case .required, .none: break
      case .value(let value): result.values[key.path] = value
      case .byChoice(let other, let defaults):
        if !varying.contains(other), let choice = result[other]?.string {
          result.values[key.path] = defaults[choice]
        }
      }
    }
    ConfigurationSchema.architecture(result["model.type"]?.string)?.complete(&result)
    return result
  }

  /// These values with a grid point's in place of their own.
  func applying(_ point: [GridSetting]) -> ConfigurationValues {
    var result = self
    for setting in point { result.values[setting.key] = .scalar(setting.value) }
    return result
  }

  var json: JSONValue {
    .object(JSONObject(values.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value.json) }))
  }

  // A key that is asked for below is given, or has a default: validation saw to it.

  func integerIfGiven(_ path: String) -> Int? { values[path]?.integer }

  func numberIfGiven(_ path: String) -> Double? {
    if case .scalar(.number(let value)) = values[path] { value } else { nil }
  }

  func stringIfGiven(_ path: String) -> String? { values[path]?.string }

  func integer(_ path: String) -> Int { demand(integerIfGiven(path), path) }

  func number(_ path: String) -> Double { demand(numberIfGiven(path), path) }

  func boolean(_ path: String) -> Bool {
    if case .scalar(.boolean(let value)) = values[path] { value } else { demand(nil, path) }
  }

  func choice<Choice: RawRepresentable<String>>(_ path: String) -> Choice {
    demand(stringIfGiven(path).flatMap(Choice.init(rawValue:)), path)
  }

  func string(_ path: String) -> String { demand(stringIfGiven(path), path) }

  func list(_ path: String) -> [JSONScalar] {
    if case .list(let values) = values[path] { values } else { demand(nil, path) }
  }

  private func demand<Value>(_ value: Value?, _ path: String) -> Value {
    guard let value else { preconditionFailure("no valid value for the config key \(path)") }
    return value
  }
}
