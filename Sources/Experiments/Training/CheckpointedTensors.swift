import Files
import Networks
import TensorCore

/// The tensors a checkpoint holds, parameters and the optimizer's moments, and a copy of them that can be written while
/// training goes on.
struct CheckpointedTensors {
  private let live: [ParameterValues]
  private let copies: [ParameterValues]
  private let prefixes: [String]

  init(model: Model, optimizer: Optimizer) throws(OutOfMemory) {
    live = [model.parameters] + optimizer.moments.map(\.values)
    prefixes = ["model."] + optimizer.moments.map { $0.name + "." }
    copies = try live.map { values throws(OutOfMemory) in try ParameterValues(layout: values.layout) }
  }

  /// What is written: the copies.
  var sources: [TensorSource] {
    zip(copies, prefixes).flatMap { ModelWeights.sources($0, prefix: $1) }
  }

  func copy() {
    for (copy, values) in zip(copies, live) { copy.storage.all.copy(from: values.storage.all) }
  }

  /// Sets the live tensors from a checkpoint's.
  func restore(_ file: SafetensorsFile) throws(ModelWeights.Mismatch) {
    for (values, prefix) in zip(live, prefixes) { try ModelWeights.load(file, into: values, prefix: prefix) }
  }
}
