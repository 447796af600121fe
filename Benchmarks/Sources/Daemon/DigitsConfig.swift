import Experiments

/// Configs on the built-in digits: for what takes no time to compute, and for what takes forever. Each has a learning rate of its own,
/// since a run whose equal has completed would not be trained.
enum DigitsConfig {
  /// One run of one step on one image.
  static func tiny(_ name: String, logEverySteps: Int = 0) -> String {
    config(
      name, dataset: #""train_limit": 1, "validation_limit": 1, "#, model: #"{"type": "mlp", "hidden": []}"#,
      training: #""epochs": 1, "batch_size": 1, "max_steps": 1, "log_every_steps": \#(logEverySteps)"#)
  }

  /// One run that keeps its slot, and all cores, until it is cancelled; an epoch takes seconds, so that it writes little.
  static func endless(_ name: String) -> String {
    config(
      name, dataset: "",
      model: #"{"type": "vit", "width": 128, "layers": 8, "heads": 4, "mlp_width": 256, "patch": 1}"#,
      training: #""epochs": 1000000, "batch_size": 32, "log_every_steps": 0"#)
  }

  private static func config(_ name: String, dataset: String, model: String, training: String) -> String {
    """
    {
      "name": "\(name)",
      "dataset": {\(dataset)"name": "digits"},
      "model": \(model),
      "training": {\(training), "learning_rate": \(rate(name))},
      "variants": [{"name": "full", "bits": 32}]
    }

    """
  }

  /// A thousandth, and a hair more by the name's 32 bits of FNV-1a.
  private static func rate(_ name: String) -> Double {
    let hash = name.utf8.reduce(0x811c_9dc5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    return 0.001 + Double(hash) * 1e-15
  }
}
