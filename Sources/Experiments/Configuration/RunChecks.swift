import Foundation
import Networks
import TensorCore

/// Checks what the settings of one run, each valid by itself, say together.
///
/// A contradiction is reported at the most particular of the settings that cause it: the grid's, else the variant's.
/// Settings that are missing or were refused take no part, so one mistake is reported once.
struct RunChecks {
  private let settings: Settings
  private let physicalMemory: UInt64
  private(set) var diagnostics: [Diagnostic] = []

  init(_ settings: Settings, physicalMemory: UInt64) {
    self.settings = settings
    self.physicalMemory = physicalMemory
    diagnostics = Self.missingKeys(in: settings)
    checkMisplacedKeys()
    checkEarlyStopping()
    checkSizes()
  }

  private mutating func report(_ message: String, at involved: String...) {
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

  private mutating func checkSizes() {
    let dataset = settings.choice("dataset.name").flatMap(DatasetConfiguration.Name.init)
    switch settings.choice("model.type") {
    case "mlp": checkMLP(dataset)
    case "vit": checkViT(dataset)
    default: break
    }
  }

  private mutating func checkMLP(_ dataset: DatasetConfiguration.Name?) {
    guard let items = settings.list("model.hidden") else { return }
    let hidden = items.compactMap { ConfigurationValue.scalar($0).integer }
    if let bias = settings.list("model.bias"), bias.count != hidden.count + 1 {
      report(
        "found \(bias.count) \(bias.count == 1 ? "value" : "values"), expected \(hidden.count + 1): "
          + "one for each hidden layer and one for the output layer",
        at: "model.bias", "model.hidden")
    }
    let mlp = MLPSpecification(hidden: hidden, bias: Array(repeating: true, count: hidden.count + 1))
    checkMemory(.mlp(mlp), dataset, at: "model.hidden")
  }

  private mutating func checkViT(_ dataset: DatasetConfiguration.Name?) {
    let width = settings.integer("model.width")
    let heads = settings.integer("model.heads")
    let patch = settings.integer("model.patch")
    if let width, let heads, width % heads != 0 {
      report("width \(width) is not divisible by heads \(heads)", at: "model.width", "model.heads")
    }
    if let patch, let dataset, let image = dataset.image,
      let side = [image.width, image.height].first(where: { $0 % patch != 0 })
    {
      report(
        "image side \(side) of \(dataset.rawValue) is not divisible by patch \(patch)",
        at: "model.patch", "dataset.name")
    }
    guard let width, let heads, let patch, let layers = settings.integer("model.layers"),
      let mlpWidth = settings.integer("model.mlp_width")
    else { return }
    let vit = ViTSpecification(width: width, layers: layers, heads: heads, mlpWidth: mlpWidth, patch: patch)
    // The largest of the sizes is the one to look at.
    let sizes = [("model.width", width), ("model.mlp_width", mlpWidth), ("model.layers", layers)]
    let culprit = sizes.reduce(sizes[0]) { $1.1 > $0.1 ? $1 : $0 }.0
    checkMemory(.vit(vit), dataset, at: culprit)
  }

  private mutating func checkMemory(
    _ architecture: NetworkSpecification.Architecture, _ dataset: DatasetConfiguration.Name?,
    at culprit: String
  ) {
    let estimate = ParameterEstimate(architecture, image: dataset?.image, classes: dataset?.classes)
    var (parameters, bytes) = (estimate.parameters, estimate.trainingBytes)
    // Sizes that no machine could hold are refused by the estimate; only those below it are worth laying out.
    if bytes <= Double(physicalMemory), let image = dataset?.image, let classes = dataset?.classes,
      let batchSize = settings.integer("training.batch_size"), fits(architecture, image)
    {
      let specification = NetworkSpecification(architecture: architecture, image: image, classes: classes)
      let memory = TrainingMemory(specification, batchSize: batchSize, threads: Machine.cores)
      (parameters, bytes) = (Double(memory.parameters), Double(memory.bytes))
    }
    guard bytes > Double(physicalMemory) else { return }
    report(
      "the model has \(Self.rounded(parameters)) parameters and takes "
        + "\(Self.rounded(bytes / 1e9)) GB to train, this machine has "
        + "\(Self.rounded(Double(physicalMemory) / 1e9)) GB of memory",
      at: culprit, "dataset.name")
  }

  /// Whether the network can be laid out at all: contradictions are reported elsewhere.
  private func fits(_ architecture: NetworkSpecification.Architecture, _ image: ImageShape) -> Bool {
    guard case .vit(let vit) = architecture else { return true }
    return vit.width % vit.heads == 0 && image.width % vit.patch == 0 && image.height % vit.patch == 0
  }

  /// The number in three digits: `16.7`, `8.05e5`.
  private static func rounded(_ value: Double) -> String {
    let exponent = value < 1000 ? 0 : Int(log10(value))
    let unit = pow(10, Double(exponent))
    let mantissa = (value / unit * 100).rounded() / 100
    return JSONScalar.number(mantissa).text + (exponent == 0 ? "" : "e\(exponent)")
  }
}
