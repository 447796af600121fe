import CSIMD

/// Activations rounded to int8, row by row: `[rows, columns]` levels, each row with the factor that made them.
///
/// `RMSNormKernel` makes them.
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

  package func sum(ofRow index: Int) -> Int {
    precondition(index >= 0 && index < rows, "Int8Matrix: row \(index) outside 0..<\(rows)")
    return Int(sums[index * step])
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

extension Int8Matrix {
  /// What the levels stand for: `level / s`.
  package func values(into matrix: Matrix) {
    precondition(
      matrix.rows == rows && matrix.columns == columns,
      "Int8Matrix: \(rows)x\(columns) into \(matrix.rows)x\(matrix.columns)")
    for index in 0..<rows {
      let step = SIMD16<Float>(repeating: 1 / scales[index * self.step])
      let levels = base + index * stride
      let values = matrix.base + index * matrix.stride
      forEachWideVector(columns) { offset, lanes in
        if lanes == 16 {
          storeWide(csimd_load_bytes(levels + offset) * step, values + offset, lanes)
        } else {
          for lane in 0..<lanes { values[offset + lane] = Float(levels[offset + lane]) * step[0] }
        }
      }
    }
  }
}
