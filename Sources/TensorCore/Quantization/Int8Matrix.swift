import CSIMD

/// Activations rounded to int8, row by row: `[rows, columns]` levels, each row with the factor that made them.
///
/// `level = clip(round(x s), -128, 127)`, `s = 127 / max(|x|, 1e-5)`, rounded half to even. A row with a value that is not
/// finite has no levels and NaN for its factor, so that everything computed of it is NaN too.
/// Source: "The Era of 1-bit LLMs: Training Tips, Code and FAQ".
package struct Int8Matrix: @unchecked Sendable {
  // Sendable invariant: as for `Matrix`.
  let base: UnsafeMutablePointer<Int8>
  package let rows: Int
  package let columns: Int
  /// Bytes from one row to the next.
  let stride: Int
  /// `s` of each row.
  let scales: UnsafeMutablePointer<Float>
  /// The sum of each row's levels: products with weights that are stored as their level plus one subtract it.
  let sums: UnsafeMutablePointer<Int32>
  /// From one row's scale and sum to the next one's.
  let step: Int

  /// Columns of float32 that have room for so many int8 ones.
  package static func room(columns: Int) -> Int { (columns + 3) / 4 }

  /// Levels in memory planned for float32, to be filled, and so are the sums.
  package init(room: Matrix, columns: Int, scales: Vector, sums: Vector) {
    precondition(
      room.columns >= Self.room(columns: columns) && scales.count == room.rows && sums.count == room.rows,
      "Int8Matrix: \(columns) columns in room for \(4 * room.columns), \(scales.count) scales of \(room.rows) rows"
    )
    base = UnsafeMutableRawPointer(room.base).assumingMemoryBound(to: Int8.self)
    rows = room.rows
    self.columns = columns
    stride = 4 * room.stride
    self.scales = scales.base
    self.sums = UnsafeMutableRawPointer(sums.base).assumingMemoryBound(to: Int32.self)
    step = 1
  }

  private init(_ other: Int8Matrix, rows: Int, every step: Int) {
    (base, columns, scales, sums) = (other.base, other.columns, other.scales, other.sums)
    self.rows = rows
    stride = other.stride * step
    self.step = other.step * step
  }

  /// Every `step`th row, from the first on.
  package func everyRow(_ step: Int) -> Int8Matrix {
    precondition(step > 0, "Int8Matrix.everyRow: step \(step)")
    return Int8Matrix(self, rows: (rows + step - 1) / step, every: step)
  }

  package func scale(ofRow index: Int) -> Float {
    precondition(index >= 0 && index < rows, "Int8Matrix: row \(index) outside 0..<\(rows)")
    return scales[index * step]
  }

  /// Of a row whose levels were written from outside.
  package func set(scale: Float, sum: Int, ofRow index: Int) {
    precondition(index >= 0 && index < rows, "Int8Matrix: row \(index) outside 0..<\(rows)")
    scales[index * step] = scale
    sums[index * step] = Int32(sum)
  }

  package func row(_ index: Int) -> UnsafeBufferPointer<Int8> {
    precondition(index >= 0 && index < rows, "Int8Matrix: row \(index) outside 0..<\(rows)")
    return UnsafeBufferPointer(start: base + index * stride, count: columns)
  }
}

extension Matrix {
  /// Rounds each row to int8 levels, and puts what they stand for in the place of the values: `level / s`.
  package func roundRows(into levels: Int8Matrix) {
    precondition(
      levels.rows == rows && levels.columns == columns,
      "roundRows: \(rows)x\(columns) into \(levels.rows)x\(levels.columns)")
    for index in 0..<rows {
      (levels.scales[index * levels.step], levels.sums[index * levels.step]) =
        row(index).roundToInt8(levels.base + index * levels.stride)
    }
  }
}

extension Vector {
  /// Writes the levels, and puts what they stand for in the place of the values; returns the factor and the levels' sum.
  @inline(__always)
  fileprivate func roundToInt8(_ levels: UnsafeMutablePointer<Int8>) -> (Float, Int32) {
    var largest = Lanes(repeating: 1e-5)
    // Zero, but for values that are not finite.
    var nothing = Lanes.zero
    forEachVector(count) { offset, lanes in
      let value = loadLanes(base + offset, lanes)
      largest = larger(absolute(value), largest)
      nothing = multiplyAdd(value, .zero, nothing)
    }
    let factor = TensorCore.sum(nothing) == 0 ? 127 / TensorCore.largest(largest) : .nan
    let scale = Lanes(repeating: factor)
    var sums = SIMD8<Int32>.zero
    forEachVector(count) { offset, lanes in
      let level = clipped(csimd_round_half_even(loadLanes(base + offset, lanes) * scale), from: -128, to: 127)
      storeLanes(level / scale, base + offset, lanes)
      // As whole numbers, the bits of this sum are the level more than those of the number alone.
      let bits = unsafeBitCast(level + 12_582_912, to: SIMD8<Int32>.self)
      var whole = bits &- Int32(bitPattern: Float(12_582_912).bitPattern)
      for lane in lanes..<laneCount { whole[lane] = 0 }
      sums &+= whole
      let bytes = SIMD8<Int8>(truncatingIfNeeded: bits)
      if lanes == laneCount {
        UnsafeMutableRawPointer(levels + offset).storeBytes(of: bytes, as: SIMD8<Int8>.self)
      } else {
        for lane in 0..<lanes { levels[offset + lane] = bytes[lane] }
      }
    }
    return (factor, sums.wrappedSum())
  }
}
