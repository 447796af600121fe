import JSON

/// Reads an experiment file's tree by the key table: each key and value by itself, all that is wrong noted.
///
/// What several keys say together is checked afterwards, run by run, by ``RunChecks``.
struct ConfigurationReader {
  /// A grid's key with its values in the order of the file.
  struct Axis {
    var key: ConfigurationKey
    var position: TextPosition
    var settings: [Setting]
  }

  private(set) var settings = Settings()
  /// A variant's own keys and overrides, in the order of the file.
  private(set) var variants: [Settings] = []
  private(set) var axes: [Axis] = []
  private(set) var diagnostics: [Diagnostic] = []

  init(_ root: JSONNode) {
    settings = readObject(root, section: "", label: "", layer: .experiment)
  }

  /// Of a `model` object alone.
  init(model root: JSONNode) {
    settings = readObject(root, section: "model", label: "architecture", layer: .experiment)
  }

  private mutating func report(_ position: TextPosition, _ message: String) {
    diagnostics.append(Diagnostic(position: position, message: message))
  }

  /// Reads an object whose keys the table lists under `section`.
  private mutating func readObject(
    _ json: JSONNode, section: String, label: String, layer: Setting.Layer
  ) -> Settings {
    let title = label.isEmpty ? "the experiment" : label
    var result = Settings()
    guard let members = json.members else {
      diagnostics.append(ValueType.mismatch(json, label: title, expected: "an object"))
      return result
    }
    let keys = ConfigurationSchema.keys(of: section)
    var seen: Set<String> = []
    // Keys that a mistyped one was meant to be: not missing as well, one mistake is one error.
    var meant: Set<String> = []
    for member in members where seen.insert(member.key).inserted {
      guard let key = keys.first(where: { $0.name == member.key }) else {
        if let near = reportUnknown(member, among: keys, title: title) { meant.insert(near) }
        continue
      }
      let memberLabel = label.isEmpty ? key.name : "\(label).\(key.name)"
      let value: ConfigurationValue?
      switch key.type {
      case .section:
        result = result.overlaid(
          by: readObject(member.node, section: key.path, label: memberLabel, layer: layer))
        value = nil
      case .variants:
        readVariants(member.node)
        value = nil
      case .grid:
        readGrid(member.node)
        value = nil
      default:
        value = key.type.read(member.node, label: memberLabel, into: &diagnostics)
      }
      result[key.path] = Setting(
        value: value, position: member.node.position, label: memberLabel, layer: layer)
    }
    for key in keys
    where key.fallback == .required && key.condition == nil && !seen.contains(key.name)
      && !meant.contains(key.name)
    {
      report(
        json.position, "\(title): the key \(key.name.quoted) is missing, expected \(key.type.expectation)")
    }
    return result
  }

  /// Returns the key that was most likely meant.
  private mutating func reportUnknown(
    _ member: JSONNode.Member, among keys: [ConfigurationKey], title: String
  ) -> String? {
    let near = Nearest.name(to: member.key, among: keys.map(\.name))
    let homes = ConfigurationSchema.keys.filter { $0.name == member.key }
    let advice: String
    if let near {
      advice = "; did you mean \(near.quoted)?"
    } else if let home = homes.first {
      advice = "; it belongs in \(home.section.isEmpty ? "the experiment itself" : home.section)"
    } else {
      advice = ", expected " + keys.map(\.name.quoted).joinedAsChoice
    }
    report(member.keyPosition, "\(title): unknown key \(member.key.quoted)\(advice)")
    return near
  }

  private mutating func readVariants(_ json: JSONNode) {
    guard let items = json.elements else {
      diagnostics.append(ValueType.mismatch(json, label: "variants", expected: "an array of objects"))
      return
    }
    if items.isEmpty {
      report(json.position, "variants: found an empty array, expected at least one variant")
    }
    var firstPlaces: [String: String] = [:]
    for (index, item) in items.enumerated() {
      let variant = readObject(item, section: "variants", label: "variants[\(index)]", layer: .variant)
      variants.append(variant)
      guard let setting = variant["variants.name"], let name = setting.value?.string else { continue }
      if let first = firstPlaces[name] {
        report(
          setting.position,
          "\(setting.label): found \(name.quoted) again, the first is \(first); expected distinct names")
      } else {
        firstPlaces[name] = setting.label
      }
    }
  }

  private mutating func readGrid(_ json: JSONNode) {
    guard let members = json.members else {
      diagnostics.append(ValueType.mismatch(json, label: "grid", expected: "an object"))
      return
    }
    var seen: Set<String> = []
    for member in members where seen.insert(member.key).inserted {
      if let key = ConfigurationSchema.key(member.key) {
        if key.isGridAxis {
          readAxis(member, key: key)
        } else {
          let reason =
            key.concernsRun && key.mayVary ? "it takes no single value" : "it is the same for all runs"
          report(member.keyPosition, "grid: \(key.path.quoted) cannot vary, \(reason)")
        }
        continue
      }
      let axes = ConfigurationSchema.gridAxes
      // People write the short name: that is no typing error, but it has one meaning only.
      let near =
        axes.first { $0.name == member.key }?.path
        ?? Nearest.name(to: member.key, among: axes.map(\.path))
      let advice =
        near.map { "; did you mean \($0.quoted)?" }
        ?? (", expected " + axes.map(\.path.quoted).joinedAsChoice)
      report(member.keyPosition, "grid: unknown key \(member.key.quoted)\(advice)")
    }
  }

  private mutating func readAxis(_ member: JSONNode.Member, key: ConfigurationKey) {
    let label = "grid.\(key.path)"
    guard let items = member.node.elements else {
      diagnostics.append(ValueType.mismatch(member.node, label: label, expected: "an array of values"))
      return
    }
    if items.isEmpty {
      report(member.node.position, "\(label): found an empty array, expected at least one value")
    }
    var axis = Axis(key: key, position: member.keyPosition, settings: [])
    var firstPlaces: [JSONScalar: String] = [:]
    for (index, item) in items.enumerated() {
      let itemLabel = "\(label)[\(index)]"
      guard let value = key.type.readScalar(item, label: itemLabel, into: &diagnostics) else { continue }
      if let first = firstPlaces[value] {
        diagnostics.append(ValueType.repetition(item, label: itemLabel, first: first))
        continue
      }
      firstPlaces[value] = itemLabel
      axis.settings.append(
        Setting(value: .scalar(value), position: item.position, label: itemLabel, layer: .grid))
    }
    if !axis.settings.isEmpty { axes.append(axis) }
  }
}
