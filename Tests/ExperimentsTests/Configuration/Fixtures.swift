import Experiments
import Testing

/// An experiment file in which single parts can be replaced.
struct ExperimentText {
  var name = #""sample""#
  var dataset = #"{"name": "mnist"}"#
  var model = #"{"type": "mlp", "hidden": [16]}"#
  var training = #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.001}"#
  var variants = #"[{"name": "full", "bits": 32}]"#
  /// More members, a line each.
  var rest: [String] = []

  var text: String {
    let members =
      [
        "\"name\": \(name)", "\"dataset\": \(dataset)", "\"model\": \(model)", "\"training\": \(training)",
        "\"variants\": \(variants)",
      ] + rest
    return "{\n" + members.joined(separator: ",\n") + "\n}\n"
  }

  func experiment() throws -> Experiment {
    try Experiment(text: text)
  }

  /// The errors as a user sees them; empty for a good file.
  var errors: String { Experiment.errors(in: text) }
}

extension Experiment {
  /// 8 GiB, so that what fits does not depend on the machine.
  static let memory: UInt64 = 8 << 30

  init(text: String) throws {
    try self.init(bytes: Array(text.utf8), path: "e.json", physicalMemory: Self.memory)
  }

  static func errors(in text: String) -> String {
    errors(in: Array(text.utf8))
  }

  static func errors(in bytes: [UInt8]) -> String {
    do throws(ConfigurationError) {
      _ = try Experiment(bytes: bytes, path: "e.json", physicalMemory: memory)
      return ""
    } catch {
      return error.description
    }
  }
}

extension String {
  var inQuotes: String { "\"\(self)\"" }
}
