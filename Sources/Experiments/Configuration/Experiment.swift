import Foundation
import JSON
import Networks

/// A validated experiment file, every default filled in.
///
/// Two are equal when their files say the same: spelling of numbers, order of keys, white space, defaults written
/// out or left out, and `$schema` make no difference. The order of variants, seeds and grid keys does, as the plan's
/// order and the runs' ids follow it.
package struct Experiment: Sendable, Hashable {
  /// A precision that the experiment compares, with what it overrides in `training` and `model` applied.
  package struct Variant: Sendable, Hashable {
    package let name: String
    package let precision: WeightPrecision
    package let method: QuantizationMethod
    package let model: ModelConfiguration
    package let training: TrainingConfiguration
    /// What a grid point is applied to.
    let values: ConfigurationValues
  }

  package let name: String
  package let dataset: DatasetConfiguration
  package let model: ModelConfiguration
  /// What `training` says by itself, before any variant or grid point overrides it.
  package let training: TrainingConfiguration
  package let variants: [Variant]
  package let seeds: [Int]
  package let grid: [GridAxis]
  /// Runs of a higher priority start first.
  package let priority: Int
  package let timeLimitSeconds: Double?
  package let maxRetries: Int
  /// The most threads one run may use; nil for no bound.
  package let threads: Int?

  /// The keys outside all sections, the name among them.
  let topValues: ConfigurationValues
  /// What every variant starts from.
  let runValues: ConfigurationValues

  /// Reads an experiment file's content.
  ///
  /// - Parameters:
  ///   - bytes: the file's content, JSON in UTF-8.
  ///   - path: the file's path, for messages alone.
  ///   - physicalMemory: the bytes of memory that a model must fit into.
  /// - Throws: everything that is wrong with the file.
  package init(
    bytes: [UInt8], path: String, physicalMemory: UInt64 = ProcessInfo.processInfo.physicalMemory
  ) throws(ConfigurationError) {
    let validated = try ValidatedConfiguration(bytes: bytes, path: path, physicalMemory: physicalMemory)
    let settings = validated.settings
    grid = validated.axes
    let varying = Set(grid.map(\.key))

    topValues = ConfigurationValues(settings.values { $0 != "$schema" && !$0.contains("." as Character) })
      .filled(from: ConfigurationSchema.topKeys)
    let basis = RunBasis(settings, varying: varying)
    runValues = basis.values
    dataset = basis.dataset
    model = basis.model
    training = basis.training
    variants = validated.variants.map { own in
      // Most variants are of another precision and nothing else.
      let isPlain = own.entries.keys.allSatisfy { $0.hasPrefix(Variant.section) }
      return Variant(
        own: own, isPlain ? basis : RunBasis(settings.overlaid(by: own), varying: varying))
    }

    name = topValues.string("name")
    seeds = topValues.list("seeds").compactMap { ConfigurationValue.scalar($0).integer }
    priority = topValues.integer("priority")
    timeLimitSeconds = topValues.numberIfGiven("time_limit_seconds")
    maxRetries = topValues.integer("max_retries")
    threads = topValues.integerIfGiven("threads")
  }
}

/// What the runs of a variant, or of all, start from.
private struct RunBasis {
  /// What a grid point is applied to.
  let values: ConfigurationValues
  let dataset: DatasetConfiguration
  let model: ModelConfiguration
  let training: TrainingConfiguration

  init(_ settings: Settings, varying: Set<String>) {
    let given = ConfigurationValues(settings.values { ConfigurationSchema.key($0)?.concernsRun == true })
    values = given.filled(from: ConfigurationSchema.runKeys, varying: varying)
    // By themselves sections have no grid, so nothing in them is left open.
    let standing = varying.isEmpty ? values : given.filled(from: ConfigurationSchema.runKeys)
    dataset = DatasetConfiguration(standing)
    model = ModelConfiguration(standing)
    training = TrainingConfiguration(standing)
  }
}

extension Experiment.Variant {
  /// What the paths of a variant's own keys begin with; its other ones override the experiment's.
  fileprivate static let section = "variants."
  private static let keys = ConfigurationSchema.keys.filter { $0.path.hasPrefix(section) }

  /// - Parameters:
  ///   - own: the settings of the variant's object.
  ///   - basis: of those over the experiment's.
  fileprivate init(own: Settings, _ basis: RunBasis) {
    let identity = ConfigurationValues(own.values { $0.hasPrefix(Self.section) }).filled(from: Self.keys)
    name = identity.string("variants.name")
    guard let precision = WeightPrecision(rawValue: identity.integer("variants.bits")) else {
      preconditionFailure("the key table takes bits that are no precision")
    }
    self.precision = precision
    method = identity.choice("variants.method")
    values = basis.values
    model = basis.model
    training = basis.training
  }
}

extension Experiment {
  /// The experiment as JSON without white space, the same text for equal experiments and for no others.
  ///
  /// Objects that stand for settings have their keys in full and sorted; numbers are in their shortest form.
  package var canonicalText: String {
    let axes = grid.map { axis -> JSONValue in
      [.string(axis.key), .array(axis.values.map(\.json))]
    }
    let versions = variants.map { variant -> JSONValue in
      [
        "bits": .integer(variant.precision.rawValue), "method": .string(variant.method.rawValue),
        "name": .string(variant.name), "settings": variant.values.json,
      ]
    }
    let content: JSONValue = [
      "experiment": topValues.json, "grid": .array(axes), "settings": runValues.json,
      "variants": .array(versions),
    ]
    return content.canonical
  }

  /// 16 hexadecimal digits that name the experiment's content: FNV-1a of 128 bits over the canonical text's UTF-8,
  /// its halves combined by exclusive or.
  ///
  /// For people to compare; to decide whether two experiments are the same, compare the experiments.
  package var configHash: String {
    // Constants of draft-eastlake-fnv: the offset basis and the prime 2^88 + 2^8 + 0x3b.
    var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    let prime: UInt128 = 1 << 88 | 0x13b
    for byte in canonicalText.utf8 { hash = (hash ^ UInt128(byte)) &* prime }
    let digits = String(UInt64(truncatingIfNeeded: hash >> 64) ^ UInt64(truncatingIfNeeded: hash), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
