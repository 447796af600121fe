/// A matrix product as the textbook has it, in Double, with the magnitudes that bound a float32 product's error.
struct ReferenceProduct {
  private(set) var values: [Double] = []
  private(set) var magnitudes: [Double] = []
  private let depth: Int

  /// `C[i, j] = start(i, j) + sum over k of a(i, k) b(k, j)`.
  init(
    rows: Int, depth: Int, columns: Int, a: (Int, Int) -> Float, b: (Int, Int) -> Float,
    start: (Int, Int) -> Float
  ) {
    self.depth = depth
    for i in 0..<rows {
      for j in 0..<columns {
        var value = Double(start(i, j))
        var magnitude = abs(value)
        for k in 0..<depth {
          let product = Double(a(i, k)) * Double(b(k, j))
          value += product
          magnitude += abs(product)
        }
        values.append(value)
        magnitudes.append(magnitude)
      }
    }
  }

  /// What `index` may be off by: two roundings a term, as on a CPU without fused multiply-add, of at most the sum of all magnitudes.
  func bound(_ index: Int) -> Double { Double(2 * depth + 1) * unitRoundoff * magnitudes[index] }
}
