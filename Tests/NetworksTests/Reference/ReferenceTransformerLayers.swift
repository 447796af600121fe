import Foundation

/// The layers that only transformers have, as their formulas stand, in Double.
extension ReferenceNetwork {
  static let layerNormEpsilon = 1e-12

  private func normalized(_ row: [Double]) -> (normal: [Double], scale: Double) {
    let mean = row.reduce(0, +) / Double(row.count)
    let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
    let scale = 1 / (variance + Self.layerNormEpsilon).squareRoot()
    return (row.map { ($0 - mean) * scale }, scale)
  }

  func layerNorm(_ x: Table, _ name: String) -> Table {
    let (gain, bias) = (parameters[name + ".weight"]!.values, parameters[name + ".bias"]!.values)
    return x.mapRows { row in
      normalized(row).normal.enumerated().map { $1 * gain[$0] + bias[$0] }
    }
  }

  func layerNormBackward(_ dy: Table, x: Table, _ name: String) -> Table {
    let gain = parameters[name + ".weight"]!.values
    let normal = x.mapRows { normalized($0).normal }
    gradients[name + ".weight"] = combine(dy, normal) { $0 * $1 }.columnSums
    gradients[name + ".bias"] = dy.columnSums
    var dx = dy
    for index in 0..<x.rows {
      let (n, scale) = normalized(x.row(index))
      let g = zip(dy.row(index), gain).map { $0 * $1 }
      let meanG = g.reduce(0, +) / Double(g.count)
      let meanGN = zip(g, n).reduce(0) { $0 + $1.0 * $1.1 } / Double(g.count)
      for j in g.indices { dx[index, j] = scale * (g[j] - meanG - n[j] * meanGN) }
    }
    return dx
  }

  static func gelu(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }

  static func geluDerivative(_ x: Double) -> Double {
    0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
  }

  /// One head of one image: the probabilities, and what they make of the values.
  func attention(query: Table, key: Table, value: Table) -> (probabilities: Table, context: Table) {
    let scale = 1 / Double(query.columns).squareRoot()
    let probabilities = product(query, key.transposed).map { $0 * scale }.mapRows(Self.softmax)
    return (probabilities, product(probabilities, value))
  }

  func attentionBackward(_ dcontext: Table, query: Table, key: Table, value: Table)
    -> (query: Table, key: Table, value: Table)
  {
    let scale = 1 / Double(query.columns).squareRoot()
    let probabilities = attention(query: query, key: key, value: value).probabilities
    let dprobabilities = product(dcontext, value.transposed)
    var dscores = probabilities
    for i in 0..<dscores.rows {
      let mean = zip(probabilities.row(i), dprobabilities.row(i)).reduce(0) { $0 + $1.0 * $1.1 }
      for j in 0..<dscores.columns {
        dscores[i, j] = scale * probabilities[i, j] * (dprobabilities[i, j] - mean)
      }
    }
    return (
      product(dscores, key), product(dscores.transposed, query), product(probabilities.transposed, dcontext)
    )
  }
}
