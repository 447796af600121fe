/// The weight gradient's product `C (+)= A^T B`, A `[depth, rows]` and B `[depth, columns]` tall and thin.
///
/// Both are read in place where B's columns divide by 16: a tile reads so little for each of its multiplications that the
/// second-level cache delivers it in time, and packing would only write it once more. Other B are packed first.
package struct TransposedProduct: Sendable {
  /// Depth of one packed block.
  private static let depthBlock = 256

  /// Scratch values that `multiply` needs for a B of so many columns.
  package static func scratchCount(columns: Int) -> Int {
    Panels.canUseInPlace(columns: columns) ? 0 : Panels.capacity(depth: depthBlock, columns: columns)
  }

  /// - Parameters:
  ///   - accumulate: whether to add to C or to replace it.
  ///   - scratch: at least `scratchCount` values.
  package static func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, accumulate: Bool, scratch: Vector) {
    precondition(
      a.rows == b.rows && c.rows == a.columns && c.columns == b.columns,
      "TransposedProduct: (\(a.rows)x\(a.columns))^T by \(b.rows)x\(b.columns) into \(c.rows)x\(c.columns)")
    precondition(
      scratch.count >= scratchCount(columns: b.columns),
      "TransposedProduct: scratch of \(scratch.count) values is too small")
    guard a.rows > 0 else {
      if !accumulate { c.fill(0) }
      return
    }
    if Panels.canUseInPlace(columns: b.columns) {
      return TensorCore.multiply(
        transposed: a, Panels(inPlace: b), into: c, from: accumulate ? .accumulate : .zero)
    }
    let blocks = (a.rows + depthBlock - 1) / depthBlock
    let blockDepth = (a.rows + blocks - 1) / blocks
    for first in stride(from: 0, to: a.rows, by: blockDepth) {
      let rows = first..<min(a.rows, first + blockDepth)
      TensorCore.multiply(
        transposed: a.rows(rows), Panels(b.rows(rows), room: scratch), into: c,
        from: accumulate || first > 0 ? .accumulate : .zero)
    }
  }
}
