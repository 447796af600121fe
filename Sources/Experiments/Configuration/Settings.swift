import JSON

/// A key's value as the file gives it, with where and on whose behalf.
struct Setting: Sendable {
  /// Where the value stands; a later layer beats an earlier one.
  enum Layer: Int, Comparable {
    case experiment, variant, grid

    static func < (a: Layer, b: Layer) -> Bool { a.rawValue < b.rawValue }
  }

  /// Nil when the value was refused or is an object: the key counts as given, its value as unknown.
  var value: ConfigurationValue?
  var position: TextPosition
  /// The value's name in messages: `variants[1].momentum`.
  var label: String
  var layer: Layer
}

/// Settings by their key's full path.
struct Settings: Sendable {
  private(set) var entries: [String: Setting] = [:]

  subscript(path: String) -> Setting? {
    get { entries[path] }
    set { entries[path] = newValue }
  }

  func integer(_ path: String) -> Int? { entries[path]?.value?.integer }

  func list(_ path: String) -> [JSONScalar]? {
    if case .list(let values) = entries[path]?.value { values } else { nil }
  }

  /// The key's text, its default when it is left out; nil when neither is known.
  func choice(_ path: String) -> String? {
    if let setting = entries[path] { return setting.value?.string }
    guard case .value(let fallback) = ConfigurationSchema.key(path)?.fallback else { return nil }
    return fallback.string
  }

  /// These settings with `others` in place of their own where both have a key.
  func overlaid(by others: Settings) -> Settings {
    var result = self
    result.entries.merge(others.entries) { _, new in new }
    return result
  }

  /// The values alone, of those keys that `isIncluded` takes.
  func values(where isIncluded: (String) -> Bool) -> [String: ConfigurationValue] {
    entries.reduce(into: [:]) { values, entry in
      if isIncluded(entry.key) { values[entry.key] = entry.value.value }
    }
  }
}
