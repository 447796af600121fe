import CKernels

/// Root-mean-square normalization of rows without gain, `n = x / sqrt(mean(x^2) + epsilon)`, and the rounding to int8 that
/// follows it.
package enum RMSNormKernel {
  /// Normalizes and rounds each row of `x`: `level = round(n s)`, `s = 127 / max(|n|, 1e-5)`, half to even.
  ///
  /// `n` itself is never written. In a row with a value that is not finite `s` is NaN, so that everything computed of it is
  /// NaN too.
  /// Source: "The Era of 1-bit LLMs: Training Tips, Code and FAQ".
  ///
  /// - Parameters:
  ///   - x: `[rows, width]`.
  ///   - epsilon: above 0.
  ///   - scales: the reciprocal root of each row, kept for backward.
  package static func forward(
    _ x: Matrix, epsilon: Float, into levels: Int8Matrix, scales: Vector, kernel: IntegerKernel = .current
  ) {
    precondition(
      levels.rows == x.rows && levels.columns == x.columns && scales.count == x.rows && epsilon > 0,
      "RMSNorm: \(x.rows)x\(x.columns) into \(levels.rows)x\(levels.columns), \(scales.count) scales")
    var rounding = ckernels_rounding(
      x: x.base, x_stride: x.stride, rows: x.rows, columns: x.columns, epsilon: epsilon, levels: levels.base,
      levels_stride: levels.stride, scales: levels.scales, sums: levels.sums, step: levels.step,
      norms: scales.base)
    kernel.round(&rounding)
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
      let scale = SIMD16<Float>(repeating: scales.base[index])
      var dot = SIMD16<Float>.zero
      forEachWideVector(x.columns) { offset, lanes in
        dot = multiplyAdd(loadWide(upstream + offset, lanes), loadWide(from + offset, lanes) * scale, dot)
      }
      let mean = SIMD16<Float>(repeating: sum(dot.lowHalf + dot.highHalf) / Float(max(1, x.columns)))
      forEachWideVector(x.columns) { offset, lanes in
        let normal = loadWide(from + offset, lanes) * scale
        var value = (loadWide(upstream + offset, lanes) - normal * mean) * scale
        if accumulate { value += loadWide(to + offset, lanes) }
        storeWide(value, to + offset, lanes)
      }
    }
  }
}
