/// A view of consecutive float32 values in a `FloatStorage`.
package struct Vector: @unchecked Sendable {
  // Sendable invariant: concurrent tasks write to disjoint views, as the shard layout guarantees.
  let base: UnsafeMutablePointer<Float>
  package let count: Int

  init(base: UnsafeMutablePointer<Float>, count: Int) {
    self.base = base
    self.count = count
  }

  package subscript(index: Int) -> Float {
    get {
      precondition(index >= 0 && index < count, "Vector: index \(index) outside 0..<\(count)")
      return base[index]
    }
    nonmutating set {
      precondition(index >= 0 && index < count, "Vector: index \(index) outside 0..<\(count)")
      base[index] = newValue
    }
  }

  package subscript(range: Range<Int>) -> Vector {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "Vector: range \(range) outside 0..<\(count)")
    return Vector(base: base + range.lowerBound, count: range.count)
  }

  /// The same values as a dense row-major matrix.
  package func matrix(rows: Int, columns: Int) -> Matrix {
    precondition(
      rows >= 0 && columns >= 0 && rows * columns == count,
      "Vector: \(count) values are not a \(rows)x\(columns) matrix")
    return Matrix(base: base, rows: rows, columns: columns, stride: columns)
  }

  package func fill(_ value: Float) { base.update(repeating: value, count: count) }

  package func copy(from source: Vector) {
    precondition(source.count == count, "Vector.copy: \(source.count) values into \(count)")
    base.update(from: source.base, count: count)
  }

  package func copy(from source: [Float]) {
    precondition(source.count == count, "Vector.copy: \(source.count) values into \(count)")
    source.withUnsafeBufferPointer {
      if let start = $0.baseAddress { base.update(from: start, count: count) }
    }
  }

  package var array: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// Reads the values in place, for writing them to a file.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try body(UnsafeRawBufferPointer(start: base, count: count * MemoryLayout<Float>.stride))
  }

  /// Writes values in place, for code that converts data.
  package func withMutableValues<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try body(UnsafeMutableBufferPointer(start: base, count: count))
  }
}
