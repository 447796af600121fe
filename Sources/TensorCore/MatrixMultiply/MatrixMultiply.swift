import CSIMD

/// What a matrix product adds to.
package enum ProductStart {
  case zero
  /// C as it is.
  case accumulate
  /// One row of values, added to every row of C.
  case bias(Vector)
}

/// Blocks of the depth: a panel of B takes 64 or, 32 columns wide, 128 KiB of the second-level cache, from which it
/// passes by the tiles.
private let depthBlock = 1024

/// Values of A that stay in the second-level cache while all of B passes.
private let leftBlock = 104 * depthBlock

/// Values of B that stay there beside it, from one block of A to the next; of a larger B each panel is fetched anew.
private let rightBlock = 64 * depthBlock

/// What becomes of the rows of a row-major A that lie a multiple of 4 KiB apart, and so all in one set of the first-level
/// cache. No bit depends on it.
package enum ConflictingRows: CaseIterable, Sendable {
  /// They are read in place, as others are: best where the set has room for all rows of a tile.
  case inPlace
  /// They are copied to where they are not in each other's way.
  case copied

  static let bestHere: ConflictingRows = csimd_l1_ways() >= MicroKernel.rows ? .inPlace : .copied
}

/// Rows of A that are copied at a time, where they must be, and the distance between two of them: a line more than a
/// block of the depth, so that they fall into different sets of the cache.
private let copiedRows = 48
private let copyStride = depthBlock + 16

/// `C = s A B`, `C += s A B` or `C = s A B + bias`, with A `[rows, depth]` read in place and `s` the scale of B.
///
/// Every value of C is summed over the depth in order, in blocks whose bounds depend on the depth alone; each block's sum
/// times the scale is then added to what C had, or to the bias, rounded once. So the bits do not depend on how the rows are shared out between threads.
///
/// - Parameter conflicting: nil for what is best on this CPU.
package func multiply(
  _ a: Matrix, _ b: Panels, into c: Matrix, from start: ProductStart = .zero,
  conflicting: ConflictingRows? = nil
) {
  precondition(
    a.columns == b.depth && c.rows == a.rows && c.columns == b.columns,
    "multiply: \(a.rows)x\(a.columns) by \(b.depth)x\(b.columns) into \(c.rows)x\(c.columns)")
  let rows = LeftRows(base: a.base, count: a.rows, rowStride: a.stride, depthStride: 1)
  multiply(rows, b, into: c, from: start, conflicting)
}

/// The same with A given transposed, `[depth, rows]`, and read in place.
package func multiply(transposed a: Matrix, _ b: Panels, into c: Matrix, from start: ProductStart = .zero) {
  precondition(
    a.rows == b.depth && c.rows == a.columns && c.columns == b.columns,
    "multiply: (\(a.rows)x\(a.columns))^T by \(b.depth)x\(b.columns) into \(c.rows)x\(c.columns)")
  let rows = LeftRows(base: a.base, count: a.columns, rowStride: 1, depthStride: a.stride)
  multiply(rows, b, into: c, from: start, nil)
}

/// The left operand: `A(i, k)` is at `base + i * rowStride + k * depthStride`.
private struct LeftRows {
  var base: UnsafePointer<Float>
  var count: Int
  var rowStride: Int
  var depthStride: Int

  func block(fromRow row: Int, count: Int, depth: Int) -> LeftRows {
    LeftRows(
      base: base + row * rowStride + depth * depthStride, count: count, rowStride: rowStride,
      depthStride: depthStride)
  }

  /// Whether the rows of a tile lie a multiple of 4 KiB apart.
  var conflicts: Bool { depthStride == 1 && rowStride % 1024 == 0 }
}

private func multiply(
  _ a: LeftRows, _ b: Panels, into c: Matrix, from start: ProductStart, _ conflicting: ConflictingRows?
) {
  if case .bias(let bias) = start {
    precondition(bias.count == c.columns, "multiply: bias of \(bias.count) for \(c.columns) columns")
  }
  guard a.count > 0, b.columns > 0 else { return }
  guard b.depth > 0 else { return fillEmptyProduct(c, from: start) }
  if a.conflicts, a.count > MicroKernel.rows, b.columns > 2 * MicroKernel.columns,
    (conflicting ?? .bestHere) == .copied
  {
    multiplyCopies(a, b, into: c, from: start)
  } else {
    forEachBlock(a, b, c, start) { $0.multiply($1) }
  }
}

/// - Parameter rows: a block's rows of A at most.
private func forEachBlock(
  _ a: LeftRows, rows: Int = .max, _ b: Panels, _ c: Matrix, _ start: ProductStart,
  _ body: (BlockProduct, LeftRows) -> Void
) {
  let blocks = (b.depth + depthBlock - 1) / depthBlock
  let blockDepth = (b.depth + blocks - 1) / blocks
  let rows = min(rows, rowsOfBlock(a.count, depth: blockDepth))
  for firstRow in stride(from: 0, to: a.count, by: rows) {
    let count = min(rows, a.count - firstRow)
    for firstDepth in stride(from: 0, to: b.depth, by: blockDepth) {
      let product = BlockProduct(
        depth: min(blockDepth, b.depth - firstDepth), b: b, firstDepth: firstDepth,
        c: c.rows(firstRow..<firstRow + count), start: firstDepth == 0 ? start : .accumulate)
      body(product, a.block(fromRow: firstRow, count: count, depth: firstDepth))
    }
  }
}

/// So many rows of A shared out evenly to blocks, in whole tiles: for a few left over, all of B would pass once more.
private func rowsOfBlock(_ rows: Int, depth: Int) -> Int {
  guard rows * depth > leftBlock else { return rows }
  let blocks = (rows * depth + leftBlock - 1) / leftBlock
  let tiles = (rows + blocks * MicroKernel.rows - 1) / (blocks * MicroKernel.rows)
  return tiles * MicroKernel.rows
}

/// The product with A copied block by block, for one whose rows are in each other's way: the copy's are not.
@inline(never)
private func multiplyCopies(_ a: LeftRows, _ b: Panels, into c: Matrix, from start: ProductStart) {
  // On the stack: 48 rows of 1040 values.
  var room = InlineArray<49_920, Float>(repeating: 0)
  precondition(room.count >= copiedRows * copyStride, "multiplyCopies: too little room")
  withUnsafeMutableBytes(of: &room) { bytes in
    let copy = bytes.assumingMemoryBound(to: Float.self).baseAddress!
    forEachBlock(a, rows: copiedRows, b, c, start) { product, block in
      for row in 0..<block.count {
        (copy + row * copyStride).update(from: block.base + row * block.rowStride, count: product.depth)
      }
      product.multiply(
        LeftRows(base: UnsafePointer(copy), count: block.count, rowStride: copyStride, depthStride: 1))
    }
  }
}

/// The product of a block of A and all columns of B, over a block of the depth.
private struct BlockProduct {
  var depth: Int
  var b: Panels
  var firstDepth: Int
  /// The block's rows of C.
  var c: Matrix
  var start: ProductStart

  func multiply(_ a: LeftRows) {
    // All tiles of a panel together fetch the next one, from the second on: while the first one passes, they fetch A.
    let panelStep =
      b.isPacked && b.depth * b.columns > rightBlock
      ? min(16, (MicroKernel.columns * MicroKernel.rows + a.count - 1) / a.count) : 0
    for column in stride(from: 0, to: b.columns, by: MicroKernel.columns) {
      let panel = b.base + column / MicroKernel.columns * b.panelStride + firstDepth * b.depthStride
      let columns = min(MicroKernel.columns, b.columns - column)
      for row in stride(from: 0, to: a.count, by: MicroKernel.rows) {
        let target = c.base + row * c.stride + column
        let (initial, initialStride): (UnsafePointer<Float>?, Int) =
          switch start {
          case .zero: (nil, 0)
          case .accumulate: (UnsafePointer(target), c.stride)
          case .bias(let bias): (UnsafePointer(bias.base + column), 0)
          }
        let tile = a.base + row * a.rowStride
        var (ahead, aheadStep) = (column == 0 ? tile + MicroKernel.rows * a.rowStride : tile, 16)
        if panelStep > 0, column > 0, column + MicroKernel.columns < b.columns {
          ahead = UnsafePointer(panel) + b.panelStride + row / MicroKernel.rows * depth * panelStep
          aheadStep = panelStep
        }
        MicroKernel.multiply(
          rows: min(MicroKernel.rows, a.count - row), columns: columns,
          TileProduct(
            depth: depth, a: tile, aRowStride: a.rowStride, aDepthStride: a.depthStride, b: panel,
            bStride: b.depthStride, initial: initial, initialStride: initialStride, c: target,
            cStride: c.stride, scale: b.scale, ahead: ahead, aheadStep: aheadStep))
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
