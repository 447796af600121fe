/// The weight gradient's product `C (+)= A^T B`, A `[depth, rows]` and B `[depth, columns]` tall and thin.
///
/// Both operands are packed block by block, because reading down the columns of row-major activations touches a new
/// cache line, often of the same set, at every step.
package struct TransposedProduct: Sendable {
  /// Depth of one packed block: 16 columns of B in 16 KiB, 6 of A in 6 KiB.
  private static let depthBlock = 256

  /// Scratch values that `multiply` needs for operands of at most so many columns each.
  package static func scratchCount(rows: Int, columns: Int) -> Int {
    Panels.capacity(depth: depthBlock, columns: columns) + packedRows(rows) * depthBlock
  }

  private static func packedRows(_ rows: Int) -> Int {
    (rows + MicroKernel.rows - 1) / MicroKernel.rows * MicroKernel.rows
  }

  /// - Parameters:
  ///   - accumulate: whether to add to C or to replace it.
  ///   - scratch: at least `scratchCount` values.
  package static func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, accumulate: Bool, scratch: Vector) {
    precondition(
      a.rows == b.rows && c.rows == a.columns && c.columns == b.columns,
      "TransposedProduct: (\(a.rows)x\(a.columns))^T by \(b.rows)x\(b.columns) into \(c.rows)x\(c.columns)")
    precondition(
      scratch.count >= scratchCount(rows: a.columns, columns: b.columns),
      "TransposedProduct: scratch of \(scratch.count) values is too small")
    guard c.rows > 0, c.columns > 0 else { return }
    if a.rows == 0 {
      if !accumulate { c.fill(0) }
      return
    }
    let blocks = (a.rows + depthBlock - 1) / depthBlock
    let blockDepth = (a.rows + blocks - 1) / blocks
    let aRoom = packedRows(a.columns) * depthBlock
    for first in stride(from: 0, to: a.rows, by: blockDepth) {
      let depth = min(blockDepth, a.rows - first)
      packRows(a.rows(first..<first + depth), into: scratch.base)
      let panels = Panels(packedIn: scratch[aRoom..<scratch.count], depth: depth, columns: b.columns)
      panels.pack(b.rows(first..<first + depth))
      multiplyPacked(scratch.base, rows: a.columns, panels, into: c, accumulate: accumulate || first > 0)
    }
  }

  /// Packs A^T into panels of six rows: panel `i` holds, depth after depth, columns `6 i ..< 6 i + 6` of A.
  private static func packRows(_ a: Matrix, into room: UnsafeMutablePointer<Float>) {
    let width = MicroKernel.rows
    for column in stride(from: 0, to: a.columns, by: width) {
      var to = room + column * a.rows
      var from = a.base + column
      let valid = min(width, a.columns - column)
      for _ in 0..<a.rows {
        if valid == width {
          UnsafeMutableRawPointer(to).storeBytes(
            of: UnsafeRawPointer(from).loadUnaligned(as: SIMD4<Float>.self), as: SIMD4<Float>.self)
          (to[4], to[5]) = (from[4], from[5])
        } else {
          for lane in 0..<width { to[lane] = lane < valid ? from[lane] : 0 }
        }
        from += a.stride
        to += width
      }
    }
  }

  private static func multiplyPacked(
    _ packedA: UnsafeMutablePointer<Float>, rows: Int, _ b: Panels, into c: Matrix, accumulate: Bool
  ) {
    for column in stride(from: 0, to: b.columns, by: MicroKernel.columns) {
      let panel = b.base + column / MicroKernel.columns * b.panelStride
      let validColumns = min(MicroKernel.columns, b.columns - column)
      for row in stride(from: 0, to: rows, by: MicroKernel.rows) {
        let validRows = min(MicroKernel.rows, rows - row)
        let tile = TileRows(base: packedA + row * b.depth, rowStride: 1, depthStride: MicroKernel.rows)
        let target = c.base + row * c.stride + column
        let initial = accumulate ? UnsafePointer(target) : nil
        if validRows < MicroKernel.rows || validColumns < MicroKernel.columns {
          MicroKernel.edge(
            depth: b.depth, tile, validRows: validRows, panel, bStride: MicroKernel.columns,
            validColumns: validColumns, initial: initial, initialStride: c.stride, into: target,
            cStride: c.stride)
        } else {
          MicroKernel.depthMajor(
            depth: b.depth, tile, panel, bStride: MicroKernel.columns, initial: initial,
            initialStride: c.stride, into: target, cStride: c.stride)
        }
      }
    }
  }
}
