import Files
import Networks
import TensorCore

/// Parameters to and from safetensors files.
enum ModelWeights {
  /// The values as they would be written: one tensor each, under the network's names.
  static func sources(_ values: ParameterValues, prefix: String = "") -> [TensorSource] {
    values.layout.tensors.enumerated().map { index, tensor in
      TensorSource(prefix + tensor.name, shape: tensor.shape) { try values[index].withBytes($0) }
    }
  }

  /// Fills `values` from a file that must hold exactly their names and shapes, with `prefix` in front.
  ///
  /// Throws what differs, as a sentence.
  static func load(_ file: SafetensorsFile, into values: ParameterValues, prefix: String = "")
    throws(Mismatch)
  {
    let tensors = Dictionary(file.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var problems: [String] = []
    for tensor in values.layout.tensors {
      guard let found = tensors[prefix + tensor.name] else {
        problems.append("\(prefix + tensor.name) is missing")
        continue
      }
      if found.shape != tensor.shape {
        problems.append("\(prefix + tensor.name) has shape \(found.shape), expected \(tensor.shape)")
      }
    }
    let names = Set(values.layout.tensors.map { prefix + $0.name })
    for tensor in file.tensors where tensor.name.hasPrefix(prefix) && !names.contains(tensor.name) {
      problems.append("\(tensor.name) is not a tensor of this model")
    }
    if !problems.isEmpty { throw Mismatch(problems: problems) }
    for (index, tensor) in values.layout.tensors.enumerated() {
      values[index].copy(from: tensors[prefix + tensor.name]!.values)
    }
  }

  struct Mismatch: Error, CustomStringConvertible {
    var problems: [String]

    var description: String {
      let rest = problems.count > 8 ? "; and \(problems.count - 8) more" : ""
      return problems.prefix(8).joined(separator: "; ") + rest
    }
  }
}
