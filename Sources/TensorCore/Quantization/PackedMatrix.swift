import CKernels
import CSIMD

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
    let (stride, perByte, bits) = (format.bytes(columns: count), 8 / format.bits, UInt8(format.bits))
    let bytes = [UInt8](unsafeUninitializedCapacity: weights.rows * stride) { bytes, used in
      for index in 0..<weights.rows {
        weights.row(index).quantize(levels, into: row)
        for byte in 0..<stride {
          var packed: UInt8 = 0
          let first = byte * perByte
          for column in (first..<min(count, first + perByte)).reversed() {
            packed = packed << bits | format.code(row.base[column])
          }
          bytes[index * stride + byte] = packed
        }
      }
      used = weights.rows * stride
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
    (self.format, self.rows, self.columns, self.scale) = (format, rows, columns, scale)
    self.bytes = format.clearingPadding(of: bytes, columns: columns)
    guard format == .ternary else { return }
    for (place, byte) in self.bytes.enumerated() where byte & byte >> 1 & 0x55 != 0 {
      let row = place / format.bytes(columns: columns)
      let first = place % format.bytes(columns: columns) * 4
      // Both bits of one of them are set.
      let code = (0..<4).first { byte >> UInt8($0 * 2) & 3 == 3 }!
      throw .code(row: row, column: first + code)
    }
  }

  /// Calls `body` with the bytes of one output's weights and those behind it.
  @inline(__always)
  func withBytes<Result>(ofRow row: Int, _ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    bytes.withUnsafeBufferPointer { body($0.baseAddress! + row * format.bytes(columns: columns)) }
  }

  /// The levels of some rows, each times `factor`.
  func levels(_ range: Range<Int>, times factor: Float = 1, into matrix: Matrix) {
    withUnsafeTemporaryAllocation(of: Int8.self, capacity: Size.roundedUp(max(1, columns), to: 8)) { room in
      let levels = room.baseAddress!
      for row in range {
        withBytes(ofRow: row) { ckernels_unpack_row($0, columns, Int32(format.bits), levels) }
        let to = matrix.row(row - range.lowerBound).base
        forEachWideVector(columns) { offset, lanes in
          if lanes == 16 {
            storeWide(csimd_load_bytes(levels + offset) * factor, to + offset, lanes)
          } else {
            for lane in offset..<offset + lanes { to[lane] = Float(levels[lane]) * factor }
          }
        }
      }
    }
  }

  /// The weights that products see, `[rows, columns]`: scale times level.
  package func weights(into matrix: Matrix) {
    precondition(
      matrix.rows == rows && matrix.columns == columns,
      "PackedMatrix: \(rows)x\(columns) into \(matrix.rows)x\(matrix.columns)")
    levels(0..<rows, times: scale, into: matrix)
  }
}
