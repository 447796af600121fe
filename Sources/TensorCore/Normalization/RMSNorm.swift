/// Root-mean-square normalization of rows without gain: `y = x / sqrt(mean(x^2) + epsilon)`.
package enum RMSNormKernel {
  /// - Parameters:
  ///   - x, y: `[rows, width]`; one matrix may serve as both.
  ///   - scales: the reciprocal root of each row, kept for backward.
  package static func forward(_ x: Matrix, epsilon: Float, into y: Matrix, scales: Vector) {
    precondition(
      y.rows == x.rows && y.columns == x.columns && scales.count == x.rows,
      "RMSNorm: \(x.rows)x\(x.columns) into \(y.rows)x\(y.columns), \(scales.count) scales")
    for index in 0..<x.rows {
      let from = x.base + index * x.stride
      let to = y.base + index * y.stride
      var squares = Lanes.zero
      forEachVector(x.columns) { offset, lanes in
        let value = loadLanes(from + offset, lanes)
        squares = multiplyAdd(value, value, squares)
      }
      // Divided by the root, not multiplied by its reciprocal, as the formula stands: rounding to int8 follows.
      let root = (sum(squares) / Float(x.columns) + epsilon).squareRoot()
      scales.base[index] = 1 / root
      forEachVector(x.columns) { offset, lanes in
        storeLanes(loadLanes(from + offset, lanes) / root, to + offset, lanes)
      }
    }
  }

  /// `dx (+)= scale (dy - n mean(dy n))`, `n = x scale` the normalized row.
  package static func backward(_ dy: Matrix, x: Matrix, scales: Vector, into dx: Matrix, accumulate: Bool) {
    precondition(
      dy.rows == x.rows && dy.columns == x.columns && dx.rows == x.rows && dx.columns == x.columns
        && scales.count == x.rows,
      "RMSNorm backward: dy \(dy.rows)x\(dy.columns), x \(x.rows)x\(x.columns), dx \(dx.rows)x\(dx.columns)")
    for index in 0..<x.rows {
      let from = x.base + index * x.stride
      let upstream = dy.base + index * dy.stride
      let to = dx.base + index * dx.stride
      let scale = scales.base[index]
      var dot = Lanes.zero
      forEachVector(x.columns) { offset, lanes in
        dot = multiplyAdd(loadLanes(upstream + offset, lanes), loadLanes(from + offset, lanes) * scale, dot)
      }
      let mean = sum(dot) / Float(x.columns)
      forEachVector(x.columns) { offset, lanes in
        let normal = loadLanes(from + offset, lanes) * scale
        var value = (loadLanes(upstream + offset, lanes) - normal * mean) * scale
        if accumulate { value += loadLanes(to + offset, lanes) }
        storeLanes(value, to + offset, lanes)
      }
    }
  }
}
