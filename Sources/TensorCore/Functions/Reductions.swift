/// Sums in float32 are kept in eight lanes and folded in one fixed order; sums over a whole tensor go through
/// Double, block by block, so that neither length nor threads move their bits.

/// Adds up `count` values by blocks of 1,024 in float32 lanes, and the blocks in Double, in order.
///
/// Four blocks side by side, since an addition takes four cycles and the next one of the same block waits for it.
///
/// - Parameter add: `add(offset, lanes in use, partial)`, the partial sum with those values added.
@inline(__always)
func blockwiseSum(_ count: Int, _ add: (Int, Int, Lanes) -> Lanes) -> Double {
  let block = 1024
  var total = 0.0
  var first = 0
  while first + 4 * block <= count {
    var (a, b, c, d) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
    var offset = first
    while offset < first + block {
      a = add(offset, laneCount, a)
      b = add(offset + block, laneCount, b)
      c = add(offset + 2 * block, laneCount, c)
      d = add(offset + 3 * block, laneCount, d)
      offset += laneCount
    }
    total += Double(sum(a))
    total += Double(sum(b))
    total += Double(sum(c))
    total += Double(sum(d))
    first += 4 * block
  }
  while first < count {
    var partial = Lanes.zero
    forEachVector(min(block, count - first)) { offset, lanes in partial = add(first + offset, lanes, partial)
    }
    total += Double(sum(partial))
    first += block
  }
  return total
}

extension Vector {
  /// `sum |x|`, blocks of 1,024 values in float32 lanes, the blocks in Double.
  package func sumOfMagnitudes() -> Double { blockwiseSum { absolute($0) } }

  /// `sum x`, as `sumOfMagnitudes`.
  package func sum() -> Double { blockwiseSum { $0 } }

  /// `sum x^2`, as `sumOfMagnitudes`.
  package func sumOfSquares() -> Double { blockwiseSum { $0 * $0 } }

  @inline(__always)
  private func blockwiseSum(_ term: (Lanes) -> Lanes) -> Double {
    TensorCore.blockwiseSum(count) { offset, lanes, partial in partial + term(loadLanes(base + offset, lanes))
    }
  }

  /// `self += other`.
  package func add(_ other: Vector) {
    precondition(other.count == count, "Vector.add: \(other.count) values to \(count)")
    forEachVector(count) { offset, lanes in
      storeLanes(
        loadLanes(base + offset, lanes) + loadLanes(other.base + offset, lanes), base + offset, lanes)
    }
  }

  /// `((self += a) += b) += c` in one pass: the CPU fetches from all four at once.
  package func add(_ a: Vector, _ b: Vector, _ c: Vector) {
    precondition(
      a.count == count && b.count == count && c.count == count,
      "Vector.add: \(a.count), \(b.count) and \(c.count) values to \(count)")
    forEachVector(count) { offset, lanes in
      let first = loadLanes(base + offset, lanes) + loadLanes(a.base + offset, lanes)
      let second = first + loadLanes(b.base + offset, lanes)
      storeLanes(second + loadLanes(c.base + offset, lanes), base + offset, lanes)
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
