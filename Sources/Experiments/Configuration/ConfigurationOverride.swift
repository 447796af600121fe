import Files
import JSON

/// A key of a config that is set beside its file, as `--set training.epochs=5` does; null leaves the key out.
package struct ConfigurationOverride: Sendable, Hashable, CustomStringConvertible {
  /// In full, with dots.
  package let key: String
  package let value: JSONValue

  /// What keeps it from being set.
  package struct Problem: Error, Hashable, CustomStringConvertible {
    package let description: String
  }

  package init(_ key: String, _ value: JSONValue) {
    self.key = key
    self.value = value
  }

  /// Reads `KEY=VALUE`: what is no JSON is a bare word. Throws `Problem` for a text without key or value.
  package init(_ text: String) throws(Problem) {
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex,
      equals < text.index(before: text.endIndex)
    else { throw Problem(description: "found \(text.quoted), expected KEY=VALUE, as training.epochs=5") }
    key = String(text[..<equals])
    let word = String(text[text.index(after: equals)...])
    let parsed = ConfigurationText(parsing: Array(word.utf8))
    value = parsed.diagnostics.isEmpty ? parsed.root?.value ?? .string(word) : .string(word)
  }

  package var description: String { "\(key)=\(value.canonical)" }

  /// The parts of the key: below `grid` keys have dots of their own, and so may the names of variants.
  fileprivate func path(in root: JSONObject) throws(Problem) -> [String] {
    if let axis = key.removing(prefix: "grid.") { return ["grid", axis] }
    guard let rest = key.removing(prefix: "variants.") else {
      return key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }
    let names = (root["variants"]?.array ?? []).compactMap { $0["name"]?.string }
    // Of names that begin alike the longest is meant.
    let name = names.filter { rest.hasPrefix($0 + ".") }.max { $0.utf8.count < $1.utf8.count }
    if names.contains(rest) {
      throw Problem(
        description:
          "\(key): a variant is set key by key, variants.\(rest).KEY; variants=[...] sets all of them")
    }
    guard let name else {
      throw Problem(
        description: "\(key): there is no such variant: expected variants.NAME.KEY, with a name of "
          + names.map(\.quoted).joined(separator: ", "))
    }
    return ["variants", name] + rest.dropFirst(name.count + 1).split(separator: ".").map(String.init)
  }

  /// - Parameter path: of the key, as `path(in:)` gives it.
  fileprivate func set(_ path: [String], in root: JSONObject) throws(Problem) -> JSONObject {
    try set(path[...], in: root, at: "")
  }

  /// Throws where a config has it in vain.
  ///
  /// - Parameters:
  ///   - path: of the key when it was set: a variant may have another name since.
  ///   - later: what was set after it.
  fileprivate func checkThatItCounts(
    _ path: [String], in root: JSONObject, later: some Sequence<ConfigurationOverride>
  ) throws(Problem) {
    if let other = later.first(where: { key.hasPrefix($0.key + ".") }) {
      throw Problem(description: "\(key): \(other.key), set after it, takes its place: set it before")
    }
    if let problem = overridden(path, in: root) { throw Problem(description: "\(key): \(problem)") }
  }

  private func set(_ path: ArraySlice<String>, in object: JSONObject, at place: String) throws(Problem)
    -> JSONObject
  {
    var object = object
    let (name, rest) = (path.first ?? "", path.dropFirst())
    guard !rest.isEmpty else {
      object[name] = value == .null ? JSONValue?.none : value
      return object
    }
    let full = place.isEmpty ? name : "\(place).\(name)"
    switch object[name] {
    // What is not there need not be left out.
    case nil where value == .null: break
    case nil: object[name] = .object(try set(rest, in: [:], at: full))
    case .object(let inner): object[name] = .object(try set(rest, in: inner, at: full))
    case .array(var elements) where full == "variants":
      for index in elements.indices {
        guard let variant = elements[index].object, variant["name"]?.string == rest.first else { continue }
        elements[index] = .object(try set(rest.dropFirst(), in: variant, at: "\(full).\(rest.first ?? "")"))
      }
      object[name] = .array(elements)
    default: throw Problem(description: "\(key): \(full) has no keys in it")
    }
    return object
  }

  /// Throws where no config has the key that is to be left out: nothing else would find that.
  fileprivate func checkThatItIsKnown(_ path: [String]) throws(Problem) {
    guard value == .null else { return }
    func check(_ name: String, among names: [String]) throws(Problem) {
      if names.contains(name) { return }
      let near = Nearest.name(to: name, among: names).map { "; did you mean \($0.quoted)?" }
      throw Problem(description: "\(key)=null: there is no such key to leave out" + (near ?? ""))
    }
    if path[0] == "grid", path.count > 1 {
      return try check(path[1], among: ConfigurationSchema.gridAxes.map(\.path))
    }
    let isInVariant = Self.variantKey(path) != nil
    var section = isInVariant ? "variants" : ""
    for name in path.dropFirst(isInVariant ? 2 : 0) {
      let keys = ConfigurationSchema.keys(of: section)
      try check(name, among: keys.map(\.name))
      section = keys.first { $0.name == name }?.path ?? ""
    }
  }

  /// What a key of a variant is called there; nil for another one.
  private static func variantKey(_ path: [String]) -> String? {
    path.count > 2 && path[0] == "variants" ? path[2...].joined(separator: ".") : nil
  }

  /// What would override the key, so that setting it changes nothing; nil where nothing does.
  private func overridden(_ path: [String], in root: JSONObject) -> String? {
    // What is no object in a section's place is wrong for itself.
    if ["training", "model"].contains(key), value.object == nil { return nil }
    func isMeant(_ path: String) -> Bool { path == key || path.hasPrefix(key + ".") }
    let axes = root["grid"]?.object?.members.map(\.key) ?? []
    // The grid beats a variant's value too.
    let inVariant = Self.variantKey(path).map { name in ["training.\(name)", "model.\(name)"] } ?? []
    if let axis = axes.first(where: { axis in
      isMeant(axis) || inVariant.contains { axis == $0 || axis.hasPrefix($0 + ".") }
    }) {
      return "the grid has values for \(axis): set grid.\(axis)"
    }
    for overridable in ConfigurationSchema.keys(of: "variants") {
      guard overridable.section != "variants" else { continue }
      guard isMeant(overridable.path) || key.hasPrefix(overridable.path + ".") else { continue }
      let variants = (root["variants"]?.array ?? []).compactMap(\.object)
        .filter { $0[overridable.name] != nil }.compactMap { $0["name"]?.string }
      if let first = variants.first {
        let names = variants.map(\.quoted).joined(separator: ", ")
        let has = variants.count == 1 ? "variant \(names) has its" : "variants \(names) have their"
        let rest = key.hasPrefix(overridable.path) ? key.dropFirst(overridable.path.count) : ""
        return "\(has) own \(overridable.name): set variants.\(first).\(overridable.name)\(rest)"
      }
    }
    return nil
  }
}

extension ConfigurationFile {
  /// The file as it would be with keys set. Throws `ConfigurationError` where it is no JSON object, and
  /// `ConfigurationOverride.Problem` for a key that cannot be set.
  package func setting(_ overrides: [ConfigurationOverride]) throws -> ConfigurationFile {
    if overrides.isEmpty { return self }
    let text = ConfigurationText(parsing: bytes)
    guard let root = text.root, text.diagnostics.isEmpty, var object = root.value.object else {
      // Whoever reads it finds what is wrong with it, and where.
      _ = try Experiment(self)
      return self
    }
    var paths: [[String]] = []
    for override in overrides {
      let path = try override.path(in: object)
      try override.checkThatItIsKnown(path)
      object = try override.set(path, in: object)
      paths.append(path)
    }
    // Whatever their order.
    for (place, override) in overrides.enumerated() {
      try override.checkThatItCounts(paths[place], in: object, later: overrides[(place + 1)...])
    }
    let pretty = JSONValue.object(object).pretty + "\n"
    return ConfigurationFile(path: path, bytes: [UInt8](pretty.utf8), overrides: overrides)
  }

  /// Everything that is wrong with the file and what is set in it, for people: where it is the file's it has a place.
  package func problems(_ error: ConfigurationError, original: ConfigurationFile) -> String {
    var own: [Diagnostic] = []
    do { _ = try Experiment(original) } catch { own = error.diagnostics }
    let set = overrides.map { "--set \($0)" }.joined(separator: " ").inMessage()
    return error.diagnostics.map { found in
      if let place = own.first(where: { $0.message == found.message }) {
        return "\(path.inMessage()):\(place.line):\(place.column): error: \(place.message)"
      }
      return "\(path.inMessage()) with \(set): error: \(found.message)"
    }.joined(separator: "\n")
  }

}

extension [ConfigurationOverride] {
  /// As `set.json` has them; nil for none.
  package var text: String? {
    if isEmpty { return nil }
    // One that was set twice has its last value.
    var object = JSONObject([JSONMember]())
    for override in self { object[override.key] = override.value }
    return JSONValue.object(object).pretty + "\n"
  }

  /// Reads them back; none where the text is not theirs.
  package init(text: String) {
    let members = ConfigurationText(parsing: [UInt8](text.utf8)).root?.value.object?.members ?? []
    self = members.map { ConfigurationOverride($0.key, $0.value) }
  }
}

extension String {
  fileprivate func removing(prefix: String) -> String? {
    hasPrefix(prefix) && count > prefix.count ? String(dropFirst(prefix.count)) : nil
  }
}
