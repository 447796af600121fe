/// Layer normalization of rows: `y = (x - mean) / sqrt(variance + epsilon) * gain + bias`, the variance biased as in
/// torch.nn.LayerNorm.
package enum LayerNormKernel {
  /// - Parameters:
  ///   - x, y: `[rows, width]`.
  ///   - statistics: `[rows, 2]`: mean and reciprocal standard deviation, kept for backward.
  package static func forward(
    _ x: Matrix, gain: Vector, bias: Vector, epsilon: Float, into y: Matrix, statistics: Matrix
  ) {
    precondition(
      y.rows == x.rows && y.columns == x.columns && gain.count == x.columns && bias.count == x.columns
        && statistics.rows == x.rows && statistics.columns == 2,
      "LayerNorm: \(x.rows)x\(x.columns) into \(y.rows)x\(y.columns), gain \(gain.count), bias \(bias.count)")
    let width = x.columns
    for index in 0..<x.rows {
      let from = x.base + index * x.stride
      var total = Lanes.zero
      forEachVector(width) { offset, lanes in total += loadLanes(from + offset, lanes) }
      let mean = sum(total) / Float(width)
      var squares = Lanes.zero
      forEachVector(width) { offset, lanes in
        let d = loadLanes(from + offset, lanes, padding: mean) - mean
        squares = multiplyAdd(d, d, squares)
      }
      let scale = 1 / (sum(squares) / Float(width) + epsilon).squareRoot()
      let to = y.base + index * y.stride
      forEachVector(width) { offset, lanes in
        let normal = (loadLanes(from + offset, lanes) - mean) * scale
        let value = multiplyAdd(
          normal, loadLanes(gain.base + offset, lanes), loadLanes(bias.base + offset, lanes))
        storeLanes(value, to + offset, lanes)
      }
      let kept = statistics.base + index * statistics.stride
      (kept[0], kept[1]) = (mean, scale)
    }
  }

  /// `dx (+)= scale (g - mean g - n mean(g n))` with `g = dy gain`, `n` the normalized row; `dgain += sum dy n`,
  /// `dbias += sum dy`, rows in order.
  ///
  /// - Parameters:
  ///   - dx: may be `dy` itself when it is not accumulated to.
  ///   - accumulate: whether `dx` is added to, as on a residual stream.
  package static func backward(
    _ dy: Matrix, x: Matrix, gain: Vector, statistics: Matrix, into dx: Matrix, accumulate: Bool,
    dgain: Vector,
    dbias: Vector
  ) {
    precondition(
      dy.rows == x.rows && dy.columns == x.columns && dx.rows == x.rows && dx.columns == x.columns
        && statistics.rows == x.rows && gain.count == x.columns && dgain.count == x.columns
        && dbias.count == x.columns,
      "LayerNorm backward: dy \(dy.rows)x\(dy.columns), x \(x.rows)x\(x.columns), dx \(dx.rows)x\(dx.columns)"
    )
    let width = x.columns
    for index in 0..<x.rows {
      let from = x.base + index * x.stride
      let upstream = dy.base + index * dy.stride
      let to = dx.base + index * dx.stride
      let mean = statistics.base[index * statistics.stride]
      let scale = statistics.base[index * statistics.stride + 1]
      var sumG = Lanes.zero
      var sumGN = Lanes.zero
      forEachVector(width) { offset, lanes in
        let d = loadLanes(upstream + offset, lanes)
        let normal = (loadLanes(from + offset, lanes) - mean) * scale
        let g = d * loadLanes(gain.base + offset, lanes)
        sumG += g
        sumGN = multiplyAdd(g, normal, sumGN)
        storeLanes(
          multiplyAdd(d, normal, loadLanes(dgain.base + offset, lanes)), dgain.base + offset, lanes)
        storeLanes(loadLanes(dbias.base + offset, lanes) + d, dbias.base + offset, lanes)
      }
      let meanG = sum(sumG) / Float(width)
      let meanGN = sum(sumGN) / Float(width)
      forEachVector(width) { offset, lanes in
        let normal = (loadLanes(from + offset, lanes) - mean) * scale
        let g = loadLanes(upstream + offset, lanes) * loadLanes(gain.base + offset, lanes)
        var value = (g - meanG - normal * meanGN) * scale
        if accumulate { value += loadLanes(to + offset, lanes) }
        storeLanes(value, to + offset, lanes)
      }
    }
  }
}
