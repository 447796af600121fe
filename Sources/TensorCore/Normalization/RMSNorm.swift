import CSIMD

/// Root-mean-square normalization of rows without gain, `n = x / sqrt(mean(x^2) + epsilon)`, and the rounding to int8 that
/// follows it.
package enum RMSNormKernel {
  /// Rows whose sums are taken before any of them is rounded: what follows the sums is then computed for all at once.
  private static let rowsOfBlock = 16

  /// Normalizes and rounds each row of `x`: `level = round(n s)`, `s = 127 / max(|n|, 1e-5)`, half to even.
  ///
  /// `n` itself is never written: what stands before it and `s` are one factor. In a row with a value that is not finite
  /// `s` is NaN, so that everything computed of it is NaN too.
  /// Source: "The Era of 1-bit LLMs: Training Tips, Code and FAQ".
  ///
  /// - Parameters:
  ///   - x: `[rows, width]`.
  ///   - scales: the reciprocal root of each row, kept for backward.
  package static func forward(_ x: Matrix, epsilon: Float, into levels: Int8Matrix, scales: Vector) {
    precondition(
      levels.rows == x.rows && levels.columns == x.columns && scales.count == x.rows,
      "RMSNorm: \(x.rows)x\(x.columns) into \(levels.rows)x\(levels.columns), \(scales.count) scales")
    for first in stride(from: 0, to: x.rows, by: rowsOfBlock) {
      let rows = min(rowsOfBlock, x.rows - first)
      var squares = SIMD16<Float>.zero
      var largest = SIMD16<UInt32>.zero
      for row in 0..<rows {
        (squares[row], largest[row]) = sums(x.base + (first + row) * x.stride, x.columns)
      }
      let roots = squareRoot(squares / Float(max(1, x.columns)) + epsilon)
      let norms = 1 / roots
      let normalized = unsafeBitCast(largest, to: SIMD16<Float>.self) * norms
      let factors = 127 / normalized.replacing(with: 1e-5, where: .!(normalized .> 1e-5))
      let all = factors * norms
      for row in 0..<rows {
        let index = first + row
        scales.base[index] = norms[row]
        // Infinity has the least bits of all that is not finite.
        let isFinite = largest[row] < Float.infinity.bitPattern
        levels.scales[index * levels.step] = isFinite ? factors[row] : .nan
        levels.sums[index * levels.step] = round(
          x.base + index * x.stride, x.columns, times: all[row], levels.base + index * levels.stride)
      }
    }
  }

  /// The sum of the squares and the bits of the largest magnitude, in which NaN is larger than any number.
  @inline(__always)
  private static func sums(_ x: UnsafePointer<Float>, _ count: Int) -> (Float, UInt32) {
    var squares = SIMD16<Float>.zero
    var largest = SIMD16<UInt32>.zero
    forEachWideVector(count) { offset, lanes in
      let value = loadWide(x + offset, lanes)
      squares = multiplyAdd(value, value, squares)
      largest = csimd_larger(
        largest, unsafeBitCast(value, to: SIMD16<UInt32>.self) & SIMD16(repeating: 0x7fff_ffff))
    }
    return (sum(squares.lowHalf + squares.highHalf), csimd_largest(largest))
  }

  /// Writes `round(x factor)` as bytes; returns their sum.
  @inline(__always)
  private static func round(
    _ x: UnsafePointer<Float>, _ count: Int, times factor: Float, _ levels: UnsafeMutablePointer<Int8>
  ) -> Int32 {
    let factor = SIMD16<Float>(repeating: factor)
    // As whole numbers, the bits of this sum are the level more than those of the number alone.
    let magic: Float = 12_582_912
    let offsetBits = SIMD16<Int32>(repeating: Int32(bitPattern: magic.bitPattern))
    var sums = SIMD16<Int32>.zero
    forEachWideVector(count) { offset, lanes in
      let level = loadWide(x + offset, lanes) * factor
      let whole = unsafeBitCast(level + magic, to: SIMD16<Int32>.self) &- offsetBits
      sums &+= whole
      let bytes = SIMD16<Int8>(truncatingIfNeeded: whole)
      if lanes == 16 {
        UnsafeMutableRawPointer(levels + offset).storeBytes(of: bytes, as: SIMD16<Int8>.self)
      } else {
        for lane in 0..<lanes { levels[offset + lane] = bytes[lane] }
      }
    }
    return sums.wrappedSum()
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
