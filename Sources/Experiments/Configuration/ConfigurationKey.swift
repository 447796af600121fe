/// A key of the config: what it takes, what it means, and what holds when it is left out.
package struct ConfigurationKey: Sendable, Hashable {
  /// What a key that is left out means.
  package enum Fallback: Sendable, Hashable {
    /// Leaving the key out is an error (where its condition holds).
    case required
    /// Leaving the key out means that there is no such thing.
    case none
    case value(ConfigurationValue)
    /// The default depends on the choice made for another key.
    case byChoice(of: String, [String: ConfigurationValue])
  }

  /// Under which choices for another key this one has a meaning; anywhere else it is an error.
  package struct Condition: Sendable, Hashable {
    package var key: String
    package var choices: [String]
  }

  /// In full, with dots: `training.learning_rate`. A variant's own keys are `variants.name` and so on.
  package let path: String
  /// The last part of the path: what stands in the file.
  package let name: String
  /// The path without its last part; empty at the top.
  package let section: String
  package var type: ValueType
  package var fallback: Fallback
  package var condition: Condition?
  /// Whether the key may be a grid's axis, if it takes single values and lies in a section that runs differ in.
  package var mayVary: Bool
  /// Whether variants may set the key for themselves, though it is no key of `training`: those they all may.
  package var ofVariants: Bool
  /// One sentence for people; the JSON schema has the same.
  package var summary: String

  package init(
    _ path: String, _ type: ValueType, _ fallback: Fallback, when condition: Condition? = nil,
    mayVary: Bool = true, ofVariants: Bool = false, _ summary: String
  ) {
    self.path = path
    let dot = path.lastIndex(of: ".")
    name = dot.map { String(path[path.index(after: $0)...]) } ?? path
    section = dot.map { String(path[..<$0]) } ?? ""
    concernsRun = ["dataset", "model", "training"].contains(path.prefix { $0 != "." })
    self.type = type
    self.fallback = fallback
    self.condition = condition
    self.mayVary = mayVary
    self.ofVariants = ofVariants
    self.summary = summary
  }

  /// Whether the key belongs to what a single run is made of.
  package let concernsRun: Bool

  package var isGridAxis: Bool { mayVary && concernsRun && type.takesScalar }
}
