/// A row-major view of float32 values: `[rows, columns]`, rows `stride` values apart.
package struct Matrix: @unchecked Sendable {
  // Sendable invariant: concurrent tasks write to disjoint views, as the shard layout guarantees.
  let base: UnsafeMutablePointer<Float>
  package let rows: Int
  package let columns: Int
  package let stride: Int

  init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  package var count: Int { rows * columns }

  package subscript(row: Int, column: Int) -> Float {
    get {
      check(row, column)
      return base[row * stride + column]
    }
    nonmutating set {
      check(row, column)
      base[row * stride + column] = newValue
    }
  }

  private func check(_ row: Int, _ column: Int) {
    precondition(
      row >= 0 && row < rows && column >= 0 && column < columns,
      "Matrix: [\(row), \(column)] outside \(rows)x\(columns)")
  }

  package func row(_ index: Int) -> Vector {
    precondition(index >= 0 && index < rows, "Matrix: row \(index) outside 0..<\(rows)")
    return Vector(base: base + index * stride, count: columns)
  }

  /// Consecutive rows.
  package func rows(_ range: Range<Int>) -> Matrix {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= rows, "Matrix: rows \(range) outside 0..<\(rows)")
    return Matrix(base: base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// Consecutive columns.
  package func columns(_ range: Range<Int>) -> Matrix {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= columns, "Matrix: columns \(range) outside 0..<\(columns)")
    return Matrix(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// Every `step`th row, from `first` on.
  package func everyRow(_ step: Int, from first: Int = 0) -> Matrix {
    precondition(step > 0 && first >= 0, "Matrix.everyRow: step \(step), first \(first)")
    let count = first < rows ? (rows - first + step - 1) / step : 0
    return Matrix(base: base + first * stride, rows: count, columns: columns, stride: stride * step)
  }

  /// All values as one vector; the matrix must be dense.
  package var flat: Vector {
    precondition(stride == columns || rows <= 1, "Matrix.flat: rows of \(columns) lie \(stride) apart")
    return Vector(base: base, count: count)
  }

  package func fill(_ value: Float) {
    for row in 0..<rows { (base + row * stride).update(repeating: value, count: columns) }
  }

  package func copy(from source: Matrix) {
    precondition(
      source.rows == rows && source.columns == columns,
      "Matrix.copy: \(source.rows)x\(source.columns) into \(rows)x\(columns)")
    for row in 0..<rows {
      (base + row * stride).update(from: source.base + row * source.stride, count: columns)
    }
  }

  package var array: [Float] { (0..<rows).flatMap { row($0).array } }
}
