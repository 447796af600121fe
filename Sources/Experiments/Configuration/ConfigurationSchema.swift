import Networks

/// Every key of an experiment file: the one table behind validation, defaults, suggestions and the grid's axes.
///
/// `configs/experiment.schema.json` says the same to editors; a test holds the two together.
package enum ConfigurationSchema {
  /// Counts end here, far above any use, so that products of two never overflow.
  package static let largestCount = 1_000_000_000

  package static let keys: [ConfigurationKey] = topKeys + datasetKeys + modelKeys + trainingKeys + variantKeys

  /// What a single run is made of.
  static let runKeys: [ConfigurationKey] = keys.filter(\.concernsRun)

  /// What `grid` may vary, in the table's order.
  package static let gridAxes: [ConfigurationKey] = keys.filter(\.isGridAxis)

  private static let byPath = Dictionary(uniqueKeysWithValues: keys.map { ($0.path, $0) })
  private static let bySection = Dictionary(grouping: keys, by: \.section)

  package static func key(_ path: String) -> ConfigurationKey? { byPath[path] }

  /// The keys of an object of the file: `training`, or "" for the file itself.
  ///
  /// A variant has its own keys and those that it may override, none of which it must give.
  package static func keys(of section: String) -> [ConfigurationKey] {
    let own = bySection[section] ?? []
    return section == "variants" ? own + overridableKeys : own
  }

  private static let overridableKeys: [ConfigurationKey] =
    ((bySection["model"] ?? []).filter(\.ofVariants) + (bySection["training"] ?? [])).map { key in
      var key = key
      if key.fallback == .required { key.fallback = .none }
      return key
    }

  static func count(from least: Int) -> ValueType { .integer(least...largestCount) }

  static let topKeys: [ConfigurationKey] = [
    ConfigurationKey("$schema", .anything, .none, "The JSON schema, for editors; ignored."),
    ConfigurationKey(
      "name", .name(taken: ["reference", "index.html"]), .required,
      "The experiment's name and its folder under results/."),
    ConfigurationKey("dataset", .section, .required, "The images and how they are read."),
    ConfigurationKey("model", .section, .required, "The network."),
    ConfigurationKey("training", .section, .required, "How the network is trained."),
    ConfigurationKey(
      "variants", .variants, .required, "The precisions compared; each is trained with every seed."),
    ConfigurationKey(
      "seeds", .list(of: .integer(0...Int.max), minimumCount: 1, distinct: true),
      .value(.list([.integer(0)])),
      "Distinct integers from 0; each seed is a run of its own."),
    ConfigurationKey(
      "grid", .grid, .none,
      "Full dotted keys to the values each takes: every combination is trained. Beats a variant's value."),
    ConfigurationKey(
      "priority", .integer(-largestCount...largestCount), .value(.scalar(.integer(0))),
      "Runs of a higher priority start first."),
    ConfigurationKey(
      "time_limit_seconds", .number(NumberRange(above: 0, atMost: 1e9)), .none,
      "The longest a run may train."),
    ConfigurationKey(
      "max_retries", count(from: 0), .value(.scalar(.integer(0))), "How often a failed run is tried again."),
    ConfigurationKey("threads", count(from: 1), .none, "The most threads one run may use."),
  ]

  private static let variantKeys: [ConfigurationKey] = [
    ConfigurationKey(
      "variants.name", .name(taken: []), .required, "The variant's name; no two are the same."),
    ConfigurationKey(
      "variants.bits", .integerChoice(WeightPrecision.allCases.map(\.rawValue)), .required,
      "Bits a weight of the linear layers takes."),
    ConfigurationKey(
      "variants.method", .choice(QuantizationMethod.allCases.map(\.rawValue)),
      .value(.scalar(.string(QuantizationMethod.simpleBitNet.rawValue))),
      "The formula of the quantized linear layers."),
  ]
}
