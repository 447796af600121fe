import Foundation
import Networks

/// A network as its formulas stand, in Double: parameters by name, every layer a forward and a backward function.
class ReferenceNetwork {
  let specification: NetworkSpecification
  var parameters: [String: Table]
  /// Of the mean loss, after `differentiate`.
  var gradients: [String: Table] = [:]
  let residues = Residues()

  init(_ specification: NetworkSpecification, _ parameters: [String: Table]) {
    self.specification = specification
    self.parameters = parameters
  }

  /// Logits of images `[count, channels * height * width]`.
  func forward(_ images: Table) -> Table { fatalError("to be overridden") }

  /// From the gradient of the logits that `forward` has just given.
  func backward(_ dlogits: Table) { fatalError("to be overridden") }

  /// The mean cross-entropy.
  func loss(_ images: Table, _ labels: [Int]) -> Double {
    let logits = forward(images)
    let total = labels.enumerated().reduce(0.0) { total, sample in
      let row = logits.row(sample.offset)
      let largest = row.max()!
      return total + log(row.reduce(0) { $0 + exp($1 - largest) }) + largest - row[sample.element]
    }
    return total / Double(labels.count)
  }

  func differentiate(_ images: Table, _ labels: [Int]) {
    var gradient = forward(images).mapRows(Self.softmax)
    for (index, label) in labels.enumerated() { gradient[index, label] -= 1 }
    gradients = [:]
    backward(gradient.map { $0 / Double(labels.count) })
  }

  static func softmax(_ row: [Double]) -> [Double] {
    let powers = row.map { exp($0 - row.max()!) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  // Quantized and other linear layers

  private var isQuantized: Bool { specification.precision != .full }

  /// The weight that the product sees.
  private func effectiveWeight(_ name: String) -> Table {
    let weight = parameters[name + ".weight"]!
    guard isQuantized else { return weight }
    let mean = weight.values.reduce(0) { $0 + abs($1) } / Double(weight.values.count)
    switch specification.method {
    case .simpleBitNet:
      let scale = 2 * mean + 1e-4
      let residue = residues.residue(name) {
        weight.map { quantize($0 / scale) - $0 / scale }
      }
      return combine(weight, residue) { scale * ($0 / scale + $1) }
    case .bitNet:
      let residue = residues.residue(name) {
        let scale = max(mean, 1e-5)
        let center = weight.values.reduce(0, +) / Double(weight.values.count)
        return specification.precision == .ternary
          ? weight.map { quantize($0 / scale) * scale - $0 }
          : weight.map { quantize($0 - center) * mean - $0 }
      }
      return weight + residue
    }
  }

  private func quantize(_ value: Double) -> Double {
    if specification.precision == .ternary {
      residues.note(distances: [abs(abs(value) - 0.5), abs(value)], blur: Residues.weightBlur)
      return max(-1, min(1, value.rounded(.toNearestOrEven)))
    }
    residues.note(distances: [abs(value)], blur: Residues.weightBlur)
    return value > 0 ? 1 : value < 0 ? -1 : 0
  }

  /// `x W^T + b`.
  func linear(_ x: Table, _ name: String) -> Table {
    let y = product(x, effectiveWeight(name).transposed)
    guard let bias = parameters[name + ".bias"] else { return y }
    return y.mapRows { zip($0, bias.values).map { $0 + $1 } }
  }

  /// Leaves the gradients of weight and bias, returns that of `x`.
  func linearBackward(_ dy: Table, x: Table, _ name: String) -> Table {
    let gradient = product(dy.transposed, x)
    let weight = parameters[name + ".weight"]!
    gradients[name + ".weight"] = gradient
    if isQuantized, specification.method == .simpleBitNet {
      // The scale moves with every weight: ds/dW = 2 sign(W) / N, and y with the scale by the residue.
      let term = 2 * innerProduct(gradient, residues[name]) / Double(weight.values.count)
      gradients[name + ".weight"] = combine(gradient, weight) { $0 + ($1 > 0 ? term : $1 < 0 ? -term : 0) }
    }
    if parameters[name + ".bias"] != nil { gradients[name + ".bias"] = dy.columnSums }
    return product(dy, effectiveWeight(name))
  }

  /// What quantized layers of the papers' method put in front: RMS norm and rounding to int8 levels.
  func linearInput(_ x: Table, _ name: String) -> Table {
    guard isQuantized, specification.method == .bitNet else { return x }
    let normal = x.mapRows { row in
      let root = (row.reduce(0) { $0 + $1 * $1 } / Double(row.count) + 1e-6).squareRoot()
      return row.map { $0 / root }
    }
    let residue = residues.residue(name + ".input") {
      normal.mapRows { row in
        let scale = 127 / max(row.reduce(0) { max($0, abs($1)) }, 1e-5)
        return row.map {
          let level = $0 * scale
          residues.note(distances: [abs(level - level.rounded(.down) - 0.5)], blur: Residues.activationBlur)
          return max(-128, min(127, level.rounded(.toNearestOrEven))) / scale - $0
        }
      }
    }
    return normal + residue
  }

  func linearInputBackward(_ gradient: Table, x: Table) -> Table {
    guard isQuantized, specification.method == .bitNet else { return gradient }
    var result = gradient
    for index in 0..<x.rows {
      let (row, dy) = (x.row(index), gradient.row(index))
      let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(row.count) + 1e-6).squareRoot()
      let mean = zip(row, dy).reduce(0) { $0 + $1.0 * scale * $1.1 } / Double(row.count)
      for j in row.indices { result[index, j] = scale * (dy[j] - row[j] * scale * mean) }
    }
    return result
  }
}
