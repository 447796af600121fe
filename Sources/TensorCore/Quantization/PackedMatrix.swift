/// A quantized matrix as it is stored: `[rows, columns]` levels in their format's bits, and what one level is worth.
///
/// The weights of a linear layer, `[outputs, inputs]`: each row is one output's.
package struct PackedMatrix: Sendable, Hashable {
  package let format: WeightFormat
  package let rows: Int
  package let columns: Int
  package let scale: Float
  /// `format.bytes(rows:columns:)` of them.
  package let bytes: [UInt8]

  /// What the bytes of a packed matrix cannot be.
  package enum Damage: Error, Hashable, CustomStringConvertible {
    case byteCount(found: Int, expected: Int)
    case code(row: Int, column: Int)
    case scale(Float)

    package var description: String {
      switch self {
      case .byteCount(let found, let expected): "found \(found) bytes, expected \(expected)"
      case .code(let row, let column): "row \(row), column \(column): found the code 3, expected 0, 1 or 2"
      case .scale(let scale): "found the scale \(scale), expected a finite number"
      }
    }
  }

  /// Packs the levels of weights. Those of a binary matrix with a zero take two bits each: nothing is lost.
  package init(_ weights: Matrix, _ levels: WeightLevels) {
    let count = weights.columns
    let room = FloatStorage(count: max(1, count))
    let row = room.vector(0..<count)
    var format = levels.format
    if format == .binary {
      let hasZero = (0..<weights.rows).contains { index in
        weights.row(index).quantize(levels, into: row)
        return row.array.contains(0)
      }
      if hasZero { format = .ternary }
    }
    var bytes = [UInt8](repeating: 0, count: format.bytes(rows: weights.rows, columns: count))
    let (stride, perByte) = (format.bytes(columns: count), 8 / format.bits)
    for index in 0..<weights.rows {
      weights.row(index).quantize(levels, into: row)
      for column in 0..<count {
        bytes[index * stride + column / perByte] |=
          format.code(row[column]) << UInt8(column % perByte * format.bits)
      }
    }
    (self.format, rows, columns, scale, self.bytes) = (format, weights.rows, count, levels.scale, bytes)
    withExtendedLifetime(room) {}
  }

  /// A matrix as a file has it. Throws where the bytes are none.
  package init(
    _ format: WeightFormat, rows: Int, columns: Int, scale: Float, bytes: [UInt8]
  ) throws(Damage) {
    let expected = format.bytes(rows: rows, columns: columns)
    guard bytes.count == expected else { throw .byteCount(found: bytes.count, expected: expected) }
    guard scale.isFinite else { throw .scale(scale) }
    (self.format, self.rows, self.columns, self.scale, self.bytes) = (format, rows, columns, scale, bytes)
    guard format == .ternary else { return }
    // Both bits of a weight set, behind the last weight of a row too: those bits are ignored.
    for (place, byte) in bytes.enumerated() where byte & byte >> 1 & 0x55 != 0 {
      let row = place / format.bytes(columns: columns)
      let first = place % format.bytes(columns: columns) * 4
      for column in first..<min(first + 4, columns) where byte >> UInt8(column % 4 * 2) & 3 == 3 {
        throw .code(row: row, column: column)
      }
    }
  }

  /// The levels of one row.
  func decode(row: Int, into levels: UnsafeMutablePointer<Int8>) {
    let (stride, perByte) = (format.bytes(columns: columns), 8 / format.bits)
    let mask: UInt8 = format == .ternary ? 3 : 1
    bytes.withUnsafeBufferPointer { bytes in
      for column in 0..<columns {
        let code = bytes[row * stride + column / perByte] >> UInt8(column % perByte * format.bits) & mask
        levels[column] = format.level(code)
      }
    }
  }

  /// The weights that products see, `[rows, columns]`: scale times level.
  package func weights(into matrix: Matrix) {
    precondition(
      matrix.rows == rows && matrix.columns == columns,
      "PackedMatrix: \(rows)x\(columns) into \(matrix.rows)x\(matrix.columns)")
    withUnsafeTemporaryAllocation(of: Int8.self, capacity: max(1, columns)) { levels in
      for index in 0..<rows {
        decode(row: index, into: levels.baseAddress!)
        let row = matrix.row(index)
        for column in 0..<columns { row[column] = scale * Float(levels[column]) }
      }
    }
  }
}

/// `y = s / sx (x q) + b` of int8 activations and packed weights: `x [rows, depth]`, `q [outputs, depth]`, `y [rows, outputs]`.
///
/// Sums are whole numbers and exact, so that no kernel, thread or CPU gives other bits; what follows is a division for each
/// row and one rounding.
package func multiply(_ x: Int8Matrix, _ weights: PackedMatrix, into y: Matrix, bias: Vector? = nil) {
  precondition(
    x.columns == weights.columns && y.rows == x.rows && y.columns == weights.rows
      && x.columns <= WeightFormat.greatestDepth && bias.map { $0.count == weights.rows } ?? true,
    "multiply: int8 \(x.rows)x\(x.columns) by packed \(weights.rows)x\(weights.columns) into \(y.rows)x\(y.columns)"
  )
  withUnsafeTemporaryAllocation(of: Int8.self, capacity: max(1, weights.columns)) { levels in
    for output in 0..<weights.rows {
      weights.decode(row: output, into: levels.baseAddress!)
      for row in 0..<x.rows {
        let values = x.base + row * x.stride
        var sum: Int32 = 0
        for k in 0..<x.columns { sum &+= Int32(values[k]) &* Int32(levels[k]) }
        let factor = weights.scale / x.scale(ofRow: row)
        y[row, output] = (bias?[output] ?? 0).addingProduct(Float(sum), factor)
      }
    }
  }
}
