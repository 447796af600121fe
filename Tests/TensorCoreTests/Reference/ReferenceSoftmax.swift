import Foundation

/// Softmax, its gradient and the cross-entropy as the formulas stand, in Double.
enum ReferenceSoftmax {
  static func softmax(_ row: [Double], scale: Double = 1) -> [Double] {
    let largest = (row.max() ?? 0) * scale
    let powers = row.map { exp($0 * scale - largest) }
    let total = powers.reduce(0, +)
    return powers.map { $0 / total }
  }

  static func backward(_ upstream: [Double], probabilities: [Double], scale: Double) -> [Double] {
    let mean = zip(upstream, probabilities).reduce(0) { $0 + $1.0 * $1.1 }
    return zip(upstream, probabilities).map { scale * $1 * ($0 - mean) }
  }

  static func crossEntropy(_ row: [Double], label: Int) -> Double {
    let largest = row.max() ?? 0
    return log(row.reduce(0) { $0 + exp($1 - largest) }) + largest - row[label]
  }
}
