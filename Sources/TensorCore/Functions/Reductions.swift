/// Sums in float32 are kept in eight lanes and folded in one fixed order; sums over a whole tensor go through
/// Double, block by block, so that neither length nor threads move their bits.

extension Vector {
  /// The largest value in float32 lanes; NaN wherever the first lanes hold one.
  func largest() -> Float {
    var best = Lanes(repeating: -.infinity)
    forEachVector(count) { offset, lanes in
      best = larger(loadLanes(base + offset, lanes, padding: -.infinity), best)
    }
    return TensorCore.largest(best)
  }

  /// `sum |x|`, blocks of 1,024 values in float32 lanes, the blocks in Double.
  package func sumOfMagnitudes() -> Double { blockwiseSum { absolute($0) } }

  /// `sum x`, as `sumOfMagnitudes`.
  package func sum() -> Double { blockwiseSum { $0 } }

  /// `sum x^2`, as `sumOfMagnitudes`.
  package func sumOfSquares() -> Double { blockwiseSum { $0 * $0 } }

  @inline(__always)
  private func blockwiseSum(_ term: (Lanes) -> Lanes) -> Double {
    var total = 0.0
    for first in stride(from: 0, to: count, by: 1024) {
      var partial = Lanes.zero
      let block = base + first
      forEachVector(min(1024, count - first)) { offset, lanes in
        partial += term(loadLanes(block + offset, lanes))
      }
      total += Double(TensorCore.sum(partial))
    }
    return total
  }

  /// `self += other`.
  package func add(_ other: Vector) {
    precondition(other.count == count, "Vector.add: \(other.count) values to \(count)")
    forEachVector(count) { offset, lanes in
      storeLanes(
        loadLanes(base + offset, lanes) + loadLanes(other.base + offset, lanes), base + offset, lanes)
    }
  }

  /// `self *= factor`.
  package func scale(by factor: Float) {
    forEachVector(count) { offset, lanes in
      storeLanes(loadLanes(base + offset, lanes) * factor, base + offset, lanes)
    }
  }
}

extension Matrix {
  /// `total (+)= column sums`, rows in order: the gradient of a bias.
  package func sumRows(into total: Vector, accumulate: Bool) {
    precondition(total.count == columns, "sumRows: \(columns) columns into \(total.count) values")
    forEachVector(columns) { offset, lanes in
      var partial = accumulate ? loadLanes(total.base + offset, lanes) : Lanes.zero
      for row in 0..<rows { partial += loadLanes(base + row * stride + offset, lanes) }
      storeLanes(partial, total.base + offset, lanes)
    }
  }

  /// `self += other`, row by row.
  package func add(_ other: Matrix) {
    precondition(
      other.rows == rows && other.columns == columns,
      "Matrix.add: \(other.rows)x\(other.columns) to \(rows)x\(columns)")
    for index in 0..<rows { row(index).add(other.row(index)) }
  }
}
