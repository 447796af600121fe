import Foundation
import Networks
import TensorCore

/// Checks what the settings of one run, each valid by itself, say together.
///
/// A contradiction is reported at the most particular of the settings that cause it: the grid's, else the variant's.
/// Settings that are missing or were refused take no part, so one mistake is reported once.
struct RunChecks {
  let settings: Settings
  /// nil where the size is of no interest.
  private let physicalMemory: UInt64?
  /// Whether the model does not fit into memory.
  private(set) var isTooLarge = false
  private(set) var diagnostics: [Diagnostic] = []

  init(_ settings: Settings, physicalMemory: UInt64?) {
    self.settings = settings
    self.physicalMemory = physicalMemory
    diagnostics = Self.missingKeys(in: settings)
    checkMisplacedKeys()
    checkEarlyStopping()
    checkSizes()
  }

  mutating func report(_ message: String, at involved: String...) {
    let candidates = involved.compactMap { settings[$0] }
    guard let layer = candidates.map(\.layer).max(),
      let chosen = candidates.first(where: { $0.layer == layer })
    else { return }
    diagnostics.append(Diagnostic(position: chosen.position, message: "\(chosen.label): \(message)"))
  }

  private static let conditionalKeys = ConfigurationSchema.keys.filter { $0.condition != nil }

  /// Whether the checks look at the key: a grid over others needs no check of its every point.
  static func consider(_ key: ConfigurationKey) -> Bool {
    key.section == "training.early_stopping" || key.condition != nil
      || conditionalKeys.contains { $0.condition?.key == key.path }
  }

  /// Complaints about keys that a choice made for another one requires.
  static func missingKeys(in settings: Settings) -> [Diagnostic] {
    conditionalKeys.compactMap { key in
      guard key.fallback == .required, settings[key.path] == nil, let condition = key.condition,
        let choice = settings.choice(condition.key), condition.choices.contains(choice),
        let section = settings[key.section]
      else { return nil }
      return Diagnostic(
        position: section.position,
        message: "\(key.section): the key \(key.name.quoted) is missing, "
          + "\(condition.key) \(choice.quoted) needs \(key.type.expectation)")
    }
  }

  /// Keys that mean nothing under the choice made elsewhere.
  private mutating func checkMisplacedKeys() {
    for key in Self.conditionalKeys where settings[key.path] != nil {
      guard let condition = key.condition, let choice = settings.choice(condition.key),
        !condition.choices.contains(choice)
      else { continue }
      let owners = condition.choices.map(\.quoted).joinedAsChoice
      report(
        "\(key.name.quoted) is for \(condition.key) \(owners), found \(choice.quoted)", at: key.path,
        condition.key)
    }
  }

  /// A grid may vary one of the two keys, but only where early stopping is asked for.
  private mutating func checkEarlyStopping() {
    for (key, other) in [("metric", "patience"), ("patience", "metric")] {
      let path = "training.early_stopping.\(key)"
      let missing = "training.early_stopping.\(other)"
      guard settings[path]?.layer == .grid, settings[missing] == nil,
        settings["training.early_stopping"] == nil
      else { continue }
      report("the key \"\(missing)\" is missing", at: path)
    }
  }

  /// The data set, where it is known.
  var dataset: DatasetConfiguration.Name? {
    settings.choice("dataset.name").flatMap(DatasetConfiguration.Name.init)
  }

  private mutating func checkSizes() {
    guard let found = ConfigurationSchema.architecture(settings.choice("model.type"))?.sizes(&self) else {
      return
    }
    guard let physicalMemory else { return }
    // What only the data's files can tell counts as the least possible.
    let image = dataset?.image ?? ImageShape(channels: 1, height: 1, width: 1)
    if dataset?.image != nil, found.network.problem(image: image) != nil { return }
    let specification = NetworkSpecification(
      architecture: found.network, image: image, classes: dataset?.classes ?? 1)
    let memory = TrainingMemory(
      specification, batchSize: settings.integer("training.batch_size") ?? 1, threads: Machine.cores)
    guard memory.size > Double(physicalMemory) else { return }
    isTooLarge = true
    report(
      "the model has \(Self.rounded(Double(memory.parameters))) parameters and takes "
        + "\(Self.rounded(memory.size / 1e9)) GB to train, this machine has "
        + "\(Self.rounded(Double(physicalMemory) / 1e9)) GB of memory",
      at: found.largest, "dataset.name")
  }

  /// The number in three digits: `16.7`, `8.05e5`.
  private static func rounded(_ value: Double) -> String {
    let exponent = value < 1000 ? 0 : Int(log10(value))
    let unit = pow(10, Double(exponent))
    let mantissa = (value / unit * 100).rounded() / 100
    return JSONScalar.number(mantissa).text + (exponent == 0 ? "" : "e\(exponent)")
  }
}
