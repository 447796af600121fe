/// LayerNorm and RMSNorm of one row, forward and backward, as the formulas stand, in Double.
enum ReferenceNormalization {
  /// The normalized row and the reciprocal standard deviation.
  static func layerNorm(_ x: [Double], epsilon: Double) -> (normal: [Double], scale: Double) {
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    let scale = 1 / (variance + epsilon).squareRoot()
    return (x.map { ($0 - mean) * scale }, scale)
  }

  static func layerNormBackward(_ dy: [Double], x: [Double], gain: [Double], epsilon: Double) -> [Double] {
    let (normal, scale) = layerNorm(x, epsilon: epsilon)
    let g = zip(dy, gain).map { $0 * $1 }
    let meanG = g.reduce(0, +) / Double(x.count)
    let meanGN = zip(g, normal).reduce(0) { $0 + $1.0 * $1.1 } / Double(x.count)
    return zip(g, normal).map { scale * ($0 - meanG - $1 * meanGN) }
  }

  /// The normalized row and the reciprocal root mean square.
  static func rmsNorm(_ x: [Double], epsilon: Double) -> (normal: [Double], scale: Double) {
    let scale = 1 / (x.reduce(0) { $0 + $1 * $1 } / Double(x.count) + epsilon).squareRoot()
    return (x.map { $0 * scale }, scale)
  }

  static func rmsNormBackward(_ dy: [Double], x: [Double], epsilon: Double) -> [Double] {
    let (normal, scale) = rmsNorm(x, epsilon: epsilon)
    let mean = zip(dy, normal).reduce(0) { $0 + $1.0 * $1.1 } / Double(x.count)
    return zip(dy, normal).map { scale * ($0 - $1 * mean) }
  }
}
