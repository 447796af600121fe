/// What a matrix product adds to.
package enum ProductStart {
  case zero
  /// C as it is.
  case accumulate
  /// One row of values, added to every row of C.
  case bias(Vector)
}

/// Blocks of the depth: a panel of B and a tile's rows of A stay in the caches nearest to the core.
private let depthBlock = 256

/// Rows of A that stay in the first two caches while all of B passes: 96 KiB of a full block of the depth.
private let rowBlock = 96

/// `C = A B`, `C += A B` or `C = A B + bias`, with A `[rows, depth]` read in place.
///
/// Every value of C is summed over the depth in order, in blocks whose bounds depend on the depth alone, so the bits
/// do not depend on how the rows are shared out between threads.
package func multiply(_ a: Matrix, _ b: Panels, into c: Matrix, from start: ProductStart = .zero) {
  precondition(
    a.columns == b.depth && c.rows == a.rows && c.columns == b.columns,
    "multiply: \(a.rows)x\(a.columns) by \(b.depth)x\(b.columns) into \(c.rows)x\(c.columns)")
  multiplyBlocks(a.base, rows: a.rows, rowStride: a.stride, depthStride: 1, b, into: c, from: start)
}

/// The same with A given transposed, `[depth, rows]`, and read in place.
package func multiply(transposed a: Matrix, _ b: Panels, into c: Matrix, from start: ProductStart = .zero) {
  precondition(
    a.rows == b.depth && c.rows == a.columns && c.columns == b.columns,
    "multiply: (\(a.rows)x\(a.columns))^T by \(b.depth)x\(b.columns) into \(c.rows)x\(c.columns)")
  multiplyBlocks(a.base, rows: a.columns, rowStride: 1, depthStride: a.stride, b, into: c, from: start)
}

private func multiplyBlocks(
  _ a: UnsafePointer<Float>, rows: Int, rowStride: Int, depthStride: Int, _ b: Panels, into c: Matrix,
  from start: ProductStart
) {
  if case .bias(let bias) = start {
    precondition(bias.count == c.columns, "multiply: bias of \(bias.count) for \(c.columns) columns")
  }
  guard rows > 0, b.columns > 0 else { return }
  guard b.depth > 0 else { return fillEmptyProduct(c, from: start) }
  let blocks = (b.depth + depthBlock - 1) / depthBlock
  let blockDepth = (b.depth + blocks - 1) / blocks
  for firstRow in stride(from: 0, to: rows, by: rowBlock) {
    let lastRow = min(rows, firstRow + rowBlock)
    for firstDepth in stride(from: 0, to: b.depth, by: blockDepth) {
      let depth = min(blockDepth, b.depth - firstDepth)
      let blockStart = firstDepth == 0 ? start : .accumulate
      for column in stride(from: 0, to: b.columns, by: MicroKernel.columns) {
        let panel =
          b.base + column / MicroKernel.columns * b.panelStride + firstDepth * b.depthStride
        for row in stride(from: firstRow, to: lastRow, by: MicroKernel.rows) {
          let target = c.base + row * c.stride + column
          let (initial, initialStride): (UnsafePointer<Float>?, Int) =
            switch blockStart {
            case .zero: (nil, 0)
            case .accumulate: (UnsafePointer(target), c.stride)
            case .bias(let bias): (UnsafePointer(bias.base + column), 0)
            }
          MicroKernel.multiply(
            rows: min(MicroKernel.rows, lastRow - row), columns: min(MicroKernel.columns, b.columns - column),
            TileProduct(
              depth: depth, a: a + row * rowStride + firstDepth * depthStride, aRowStride: rowStride,
              aDepthStride: depthStride, b: panel, bStride: b.depthStride, initial: initial,
              initialStride: initialStride, c: target, cStride: c.stride))
        }
      }
    }
  }
}

/// A product over no depth at all is what it started from.
private func fillEmptyProduct(_ c: Matrix, from start: ProductStart) {
  switch start {
  case .zero: c.fill(0)
  case .accumulate: break
  case .bias(let bias): for row in 0..<c.rows { c.row(row).copy(from: bias) }
  }
}
