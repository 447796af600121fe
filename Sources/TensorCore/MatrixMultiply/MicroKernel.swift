/// The innermost block of a matrix product: 6x16 values of C held in twelve vector registers, as many as AVX2's
/// sixteen allow beside two vectors of B and one broadcast value of A.
enum MicroKernel {
  static let rows = 6
  static let columns = 16
}

/// Where the six rows of a tile of A lie. `A(i, k)` is at `base + offset(i) + k * depthStride`.
///
/// A is read in place, row-major (`depthStride` 1) or by columns (`depthStride` its row stride), or from packed
/// panels (`depthStride` 6).
struct TileRows {
  var base: UnsafePointer<Float>
  var rowStride: Int
  var depthStride: Int
}

/// `C[6x16] = initial + A[6 x depth] B[depth x 16]`, summed over the depth in order.
///
/// - Parameters:
///   - validRows: rows of A that exist; the others repeat the last one, so that nothing outside A is read.
///   - b: rows of 16 values, `bStride` apart.
///   - initial: what C starts from: nil for zero, C itself to accumulate, a bias with stride 0.
@inline(__always)
private func multiplyTile(
  depth: Int, _ a: TileRows, validRows: Int, _ b: UnsafePointer<Float>, bStride: Int,
  initial: UnsafePointer<Float>?, initialStride: Int, into c: UnsafeMutablePointer<Float>, cStride: Int
) {
  var c00 = Lanes.zero
  var c01 = Lanes.zero
  var c10 = Lanes.zero
  var c11 = Lanes.zero
  var c20 = Lanes.zero
  var c21 = Lanes.zero
  var c30 = Lanes.zero
  var c31 = Lanes.zero
  var c40 = Lanes.zero
  var c41 = Lanes.zero
  var c50 = Lanes.zero
  var c51 = Lanes.zero
  if let start = initial {
    (c00, c01) = (load(start), load(start + 8))
    (c10, c11) = (load(start + initialStride), load(start + initialStride + 8))
    (c20, c21) = (load(start + 2 * initialStride), load(start + 2 * initialStride + 8))
    (c30, c31) = (load(start + 3 * initialStride), load(start + 3 * initialStride + 8))
    (c40, c41) = (load(start + 4 * initialStride), load(start + 4 * initialStride + 8))
    (c50, c51) = (load(start + 5 * initialStride), load(start + 5 * initialStride + 8))
  }
  let last = validRows - 1
  let a0 = a.base
  let a1 = a.base + min(1, last) * a.rowStride
  let a2 = a.base + min(2, last) * a.rowStride
  let a3 = a.base + min(3, last) * a.rowStride
  let a4 = a.base + min(4, last) * a.rowStride
  let a5 = a.base + min(5, last) * a.rowStride
  var panel = b
  var offset = 0
  var k = 0
  // Written so that the compiler cannot count the iterations: it would unroll the loop, and ran 15% slower so.
  while k &+ 1 <= depth {
    let b0 = load(panel)
    let b1 = load(panel + 8)
    var x = Lanes(repeating: a0[offset])
    (c00, c01) = (multiplyAdd(x, b0, c00), multiplyAdd(x, b1, c01))
    x = Lanes(repeating: a1[offset])
    (c10, c11) = (multiplyAdd(x, b0, c10), multiplyAdd(x, b1, c11))
    x = Lanes(repeating: a2[offset])
    (c20, c21) = (multiplyAdd(x, b0, c20), multiplyAdd(x, b1, c21))
    x = Lanes(repeating: a3[offset])
    (c30, c31) = (multiplyAdd(x, b0, c30), multiplyAdd(x, b1, c31))
    x = Lanes(repeating: a4[offset])
    (c40, c41) = (multiplyAdd(x, b0, c40), multiplyAdd(x, b1, c41))
    x = Lanes(repeating: a5[offset])
    (c50, c51) = (multiplyAdd(x, b0, c50), multiplyAdd(x, b1, c51))
    offset &+= a.depthStride
    panel += bStride
    k &+= 1
  }
  store(c00, c)
  store(c01, c + 8)
  store(c10, c + cStride)
  store(c11, c + cStride + 8)
  store(c20, c + 2 * cStride)
  store(c21, c + 2 * cStride + 8)
  store(c30, c + 3 * cStride)
  store(c31, c + 3 * cStride + 8)
  store(c40, c + 4 * cStride)
  store(c41, c + 4 * cStride + 8)
  store(c50, c + 5 * cStride)
  store(c51, c + 5 * cStride + 8)
}

extension MicroKernel {
  /// A full tile of A read in place, rows contiguous.
  @inline(never)
  static func rowMajor(
    depth: Int, _ a: TileRows, _ b: UnsafePointer<Float>, bStride: Int, initial: UnsafePointer<Float>?,
    initialStride: Int, into c: UnsafeMutablePointer<Float>, cStride: Int
  ) {
    let rows = TileRows(base: a.base, rowStride: a.rowStride, depthStride: 1)
    multiplyTile(
      depth: depth, rows, validRows: self.rows, b, bStride: bStride, initial: initial,
      initialStride: initialStride, into: c, cStride: cStride)
  }

  /// A full tile of A whose six values at one depth are neighbours: columns in place, or a packed panel.
  @inline(never)
  static func depthMajor(
    depth: Int, _ a: TileRows, _ b: UnsafePointer<Float>, bStride: Int, initial: UnsafePointer<Float>?,
    initialStride: Int, into c: UnsafeMutablePointer<Float>, cStride: Int
  ) {
    let rows = TileRows(base: a.base, rowStride: 1, depthStride: a.depthStride)
    multiplyTile(
      depth: depth, rows, validRows: self.rows, b, bStride: bStride, initial: initial,
      initialStride: initialStride, into: c, cStride: cStride)
  }

  /// A tile at the edge of C, `validRows` x `validColumns` of it real: computed in full beside C, then copied.
  ///
  /// `b` must hold 16 columns all the same; `initial` is read only where C is real.
  @inline(never)
  static func edge(
    depth: Int, _ a: TileRows, validRows: Int, _ b: UnsafePointer<Float>, bStride: Int, validColumns: Int,
    initial: UnsafePointer<Float>?, initialStride: Int, into c: UnsafeMutablePointer<Float>, cStride: Int
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * columns) { buffer in
      let tile = buffer.baseAddress!
      if let initial {
        tile.initialize(repeating: 0, count: rows * columns)
        for row in 0..<validRows {
          (tile + row * columns).update(from: initial + row * initialStride, count: validColumns)
        }
      }
      multiplyTile(
        depth: depth, a, validRows: validRows, b, bStride: bStride,
        initial: initial == nil ? nil : UnsafePointer(tile), initialStride: columns, into: tile,
        cStride: columns)
      for row in 0..<validRows {
        (c + row * cStride).update(from: tile + row * columns, count: validColumns)
      }
    }
  }
}
