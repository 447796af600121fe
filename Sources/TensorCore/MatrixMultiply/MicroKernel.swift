import CSIMD

/// The innermost block of a matrix product: a tile of C held in vector registers while the depth passes by.
///
/// 12x32 values where there are 32 registers of 16 float32 (AVX-512), else 6x16: in eight-lane registers twelve
/// accumulators, two vectors of B and one broadcast value of A, of sixteen. At the edges of C smaller tiles are used; each
/// is compiled for its own size, and none computes rows that are not there.
enum MicroKernel {
  /// Rows of the largest tile.
  static var rows: Int { csimd_has_avx512() != 0 ? 12 : 6 }
  /// Columns of the largest tile, which is the width of packed panels.
  static var columns: Int { csimd_has_avx512() != 0 ? 32 : 16 }
  /// Columns of one vector. Tiles take whole vectors of B, so panels are padded to that.
  static let vectorColumns = 16

  /// Computes one tile of at most `rows` x `columns` values.
  ///
  /// - Parameters:
  ///   - rows, columns: of C.
  ///   - product: its B has whole vectors all the same.
  @inline(__always)
  static func multiply(rows: Int, columns: Int, _ product: TileProduct) {
    if columns % vectorColumns == 0 {
      multiplyVectors(rows, columns, product)
    } else {
      multiplyEdge(rows, columns, product)
    }
  }

  /// A tile that ends within a vector: computed in full beside C, then copied.
  @inline(never)
  private static func multiplyEdge(_ rows: Int, _ columns: Int, _ product: TileProduct) {
    let width = (columns + vectorColumns - 1) / vectorColumns * vectorColumns
    // On the stack, as large as the largest tile: a temporary allocation of that size would be one on the heap.
    var room = InlineArray<384, Float>(repeating: 0)
    precondition(rows * width <= room.count, "MicroKernel: a tile of \(rows)x\(width) is too large")
    withUnsafeMutableBytes(of: &room) { bytes in
      let tile = bytes.assumingMemoryBound(to: Float.self).baseAddress!
      var product = product
      let (c, cStride) = (product.c, product.cStride)
      if let initial = product.initial {
        for row in 0..<rows {
          (tile + row * width).update(from: initial + row * product.initialStride, count: columns)
        }
        product.initial = UnsafePointer(tile)
        product.initialStride = width
      }
      product.c = tile
      product.cStride = width
      multiplyVectors(rows, width, product)
      for row in 0..<rows { (c + row * cStride).update(from: tile + row * width, count: columns) }
    }
  }

  @inline(__always)
  private static func multiplyVectors(_ rows: Int, _ columns: Int, _ product: TileProduct) {
    if csimd_has_avx512() != 0, columns > vectorColumns {
      switch rows {
      case 12: Tile<12, 2>.multiply(product)
      case 11: Tile<11, 2>.multiply(product)
      case 10: Tile<10, 2>.multiply(product)
      case 9: Tile<9, 2>.multiply(product)
      case 8: Tile<8, 2>.multiply(product)
      case 7: Tile<7, 2>.multiply(product)
      case 6: Tile<6, 2>.multiply(product)
      case 5: Tile<5, 2>.multiply(product)
      case 4: Tile<4, 2>.multiply(product)
      case 3: Tile<3, 2>.multiply(product)
      case 2: Tile<2, 2>.multiply(product)
      default: Tile<1, 2>.multiply(product)
      }
    } else {
      switch rows {
      case 12: Tile<12, 1>.multiply(product)
      case 11: Tile<11, 1>.multiply(product)
      case 10: Tile<10, 1>.multiply(product)
      case 9: Tile<9, 1>.multiply(product)
      case 8: Tile<8, 1>.multiply(product)
      case 7: Tile<7, 1>.multiply(product)
      case 6: Tile<6, 1>.multiply(product)
      case 5: Tile<5, 1>.multiply(product)
      case 4: Tile<4, 1>.multiply(product)
      case 3: Tile<3, 1>.multiply(product)
      case 2: Tile<2, 1>.multiply(product)
      default: Tile<1, 1>.multiply(product)
      }
    }
  }
}

/// What a tile is computed from: `C = initial + scale A B`.
struct TileProduct {
  var depth: Int
  /// `A(i, k)` is at `a + i * aRowStride + k * aDepthStride`; one of the strides is 1.
  var a: UnsafePointer<Float>
  var aRowStride: Int
  var aDepthStride: Int
  /// Rows of whole vectors, `bStride` apart.
  var b: UnsafePointer<Float>
  var bStride: Int
  /// What is added to the product: nil for nothing, C itself to accumulate, a bias with stride 0.
  var initial: UnsafePointer<Float>?
  var initialStride: Int
  var c: UnsafeMutablePointer<Float>
  var cStride: Int
  var scale: Float
  /// What is to be fetched while this tile is computed from a row-major A, whose rows are too short for the CPU to see
  /// the streams in them: one stretch of memory that later tiles read, as rows side by side are. This tile's own A where
  /// there is nothing to fetch.
  var ahead: UnsafePointer<Float>
  /// Values from one step's fetch to the next's: a cache line's, or fewer where less is to be fetched than there are steps.
  var aheadStep: Int
}

/// A tile of so many rows and vectors of 16 columns.
private enum Tile<let rows: Int, let vectors: Int> {
  private typealias Vector = SIMD16<Float>
  private typealias Accumulators = InlineArray<rows, InlineArray<vectors, Vector>>

  /// Steps of the depth by which operands that both lie in place are fetched ahead.
  private static var distance: Int { 32 }

  @inline(__always)
  static func multiply(_ product: TileProduct) {
    // A stride that the compiler knows to be 1 spares an addition for every row.
    if product.aDepthStride == 1 { multiplyRowMajor(product) } else { multiplyDepthMajor(product) }
  }

  @inline(never)
  private static func multiplyRowMajor(_ product: TileProduct) {
    multiply(product, rowStride: product.aRowStride, depthStride: 1)
  }

  @inline(never)
  private static func multiplyDepthMajor(_ product: TileProduct) {
    multiply(product, rowStride: 1, depthStride: product.aDepthStride)
  }

  @inline(__always)
  private static func multiply(_ product: TileProduct, rowStride: Int, depthStride: Int) {
    var sums = Accumulators(repeating: InlineArray(repeating: .zero))
    // C is wanted at the end; the CPU has until then to fetch it.
    var line = product.c
    for _ in 0..<rows {
      for vector in 0..<vectors { csimd_prefetch_for_writing(line + 16 &* vector) }
      line += product.cStride
    }
    var (a, b) = (product.a, product.b)
    var ahead = product.ahead
    var k = 0
    // Written so that the compiler cannot count the iterations: it would unroll the loop, and ran 15% slower so.
    while k &+ 1 <= product.depth {
      if depthStride == 1 {
        csimd_prefetch(ahead)
        ahead += product.aheadStep
      } else {
        csimd_prefetch(b + Self.distance &* product.bStride)
        if vectors > 1 { csimd_prefetch(b + (Self.distance &* product.bStride &+ 16)) }
        csimd_prefetch(a + (Self.distance &* depthStride &+ (rows &- 1)))
      }
      var right = InlineArray<vectors, Vector>(repeating: .zero)
      for vector in 0..<vectors {
        right[vector] = load(b + 16 &* vector)
      }
      // Stepped along, since a multiplication a row is one instruction too many for the compiler to unroll the loop.
      var value = a
      for row in 0..<rows {
        let left = Vector(repeating: value.pointee)
        value += rowStride
        for vector in 0..<vectors {
          sums[row][vector] = multiplyAdd(left, right[vector], sums[row][vector])
        }
      }
      a += depthStride
      b += product.bStride
      k &+= 1
    }
    // Nothing is written back to the sums: they would lie in memory from the start on, and be stored at each step.
    let scale = Vector(repeating: product.scale)
    var c = product.c
    if var initial = product.initial {
      for row in 0..<rows {
        for vector in 0..<vectors {
          let start = load(initial + 16 &* vector)
          store(multiplyAdd(sums[row][vector], scale, start), c + 16 &* vector)
        }
        initial += product.initialStride
        c += product.cStride
      }
    } else {
      for row in 0..<rows {
        for vector in 0..<vectors { store(sums[row][vector] * scale, c + 16 &* vector) }
        c += product.cStride
      }
    }
  }

  @inline(__always)
  private static func load(_ pointer: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
  }

  @inline(__always)
  private static func store(_ value: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Vector.self)
  }

  @inline(__always)
  private static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
    csimd_has_fma() != 0 ? c.addingProduct(a, b) : a * b + c
  }
}
