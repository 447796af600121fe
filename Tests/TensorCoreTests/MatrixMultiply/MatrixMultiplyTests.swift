import TensorCore
import Testing

/// Every way to hand over A and B, and every start, against the textbook's sums; nothing outside the operands matters
/// and nothing outside C changes.
@Suite struct MatrixMultiplyTests {
  @Test(arguments: LeftOperand.allCases, RightOperand.allCases)
  func productsEqualTheReference(left: LeftOperand, right: RightOperand) {
    var numbers = TestNumbers(seed: 1)
    for shape in ProductShape.all {
      guard right.fits(shape) else { continue }
      let a = Island(rows: shape.rows, columns: shape.depth)
      a.matrix.fill(from: &numbers)
      let b = Island(rows: shape.depth, columns: shape.columns)
      b.matrix.fill(from: &numbers)
      let (panels, room) = right.panels(b.matrix)
      for start in StartCase.allCases {
        let c = Island(rows: shape.rows, columns: shape.columns, surroundings: 7)
        c.matrix.fill(from: &numbers)
        let bias = Island(rows: 1, columns: shape.columns)
        bias.matrix.fill(from: &numbers)
        let expected = ReferenceProduct(
          rows: shape.rows, depth: shape.depth, columns: shape.columns, a: { a.matrix[$0, $1] },
          b: { b.matrix[$0, $1] }, start: { start.value($0, $1, c: c.matrix, bias: bias.matrix) })
        left.multiply(a.matrix, panels, into: c.matrix, from: start.productStart(bias.matrix.row(0)))
        let ratio = worstRatio(c.matrix.array, expected.values, bound: expected.bound)
        #expect(ratio <= 1, "\(shape), \(start)")
        #expect(c.isIntact, "\(shape), \(start): values around C")
      }
      withExtendedLifetime((b, room)) {}
    }
  }

  /// The scale of B comes after the sum, and with what is added there is one rounding. Whole numbers, as quantized weights
  /// are, have exact sums, so every bit is known.
  @Test(arguments: LeftOperand.allCases, [Float(1), 0.3, 1e-5])
  func sumsAreScaled(left: LeftOperand, scale: Float) {
    var numbers = TestNumbers(seed: 5)
    for shape in ProductShape.all where shape.depth <= 1000 {
      let (a, b) = (
        Island(rows: shape.rows, columns: shape.depth), Island(rows: shape.depth, columns: shape.columns)
      )
      a.matrix.fill(from: &numbers)
      b.matrix.fill(from: &numbers)
      for row in 0..<shape.rows { a.matrix.row(row).round(times: 100) }
      for row in 0..<shape.depth { b.matrix.row(row).round(times: 1) }
      let room = FloatStorage(count: Panels.capacity(depth: shape.depth, columns: shape.columns))
      let panels = Panels(packedIn: room.all, depth: shape.depth, columns: shape.columns, scale: scale)
      panels.pack(b.matrix)
      for start in StartCase.allCases {
        let c = Island(rows: shape.rows, columns: shape.columns, surroundings: 7)
        c.matrix.fill(from: &numbers)
        let bias = Island(rows: 1, columns: shape.columns)
        bias.matrix.fill(from: &numbers)
        let expected = (0..<shape.rows).flatMap { row in
          (0..<shape.columns).map { column in
            let sum = (0..<shape.depth).reduce(Float(0)) { $0 + a.matrix[row, $1] * b.matrix[$1, column] }
            if start == .zero { return sum * scale }
            return Float(start.value(row, column, c: c.matrix, bias: bias.matrix)).addingProduct(sum, scale)
          }
        }
        left.multiply(a.matrix, panels, into: c.matrix, from: start.productStart(bias.matrix.row(0)))
        #expect(c.matrix.array == expected && c.isIntact, "\(shape), \(start)")
      }
      withExtendedLifetime(room) {}
    }
  }

  @Test(arguments: [false, true])
  func transposedProductsEqualTheReference(accumulate: Bool) {
    var numbers = TestNumbers(seed: 2)
    for shape in ProductShape.all {
      let a = Island(rows: shape.depth, columns: shape.rows)
      a.matrix.fill(from: &numbers)
      let b = Island(rows: shape.depth, columns: shape.columns)
      b.matrix.fill(from: &numbers)
      let c = Island(rows: shape.rows, columns: shape.columns, surroundings: 7)
      c.matrix.fill(from: &numbers)
      let expected = ReferenceProduct(
        rows: shape.rows, depth: shape.depth, columns: shape.columns, a: { a.matrix[$1, $0] },
        b: { b.matrix[$0, $1] }, start: { accumulate ? c.matrix[$0, $1] : 0 })
      let scratchCount = TransposedProduct.scratchCount(columns: shape.columns)
      let scratch = Island(rows: 1, columns: scratchCount, surroundings: 7)
      scratch.matrix.fill(.nan)
      TransposedProduct.multiply(
        a.matrix, b.matrix, into: c.matrix, accumulate: accumulate, scratch: scratch.matrix.row(0))
      let ratio = worstRatio(c.matrix.array, expected.values, bound: expected.bound)
      #expect(ratio <= 1, "\(shape)")
      #expect(c.isIntact && scratch.isIntact, "\(shape): values around C or the scratch")
    }
  }

  /// A row's bits do not depend on the rows around it: shards of any size, and the blocks that the product itself makes
  /// of many rows, give the same sums.
  @Test(arguments: LeftOperand.allCases)
  func rowsDoNotDependOnTheirNeighbours(left: LeftOperand) {
    var numbers = TestNumbers(seed: 3)
    let (rows, depth, columns) = (457, 300, 37)
    let a = Island(rows: rows, columns: depth)
    a.matrix.fill(from: &numbers)
    let b = Island(rows: depth, columns: columns)
    b.matrix.fill(from: &numbers)
    let (panels, room) = RightOperand.packed.panels(b.matrix)
    let whole = Island(rows: rows, columns: columns)
    left.multiply(a.matrix, panels, into: whole.matrix, from: .zero)
    let parts = Island(rows: rows, columns: columns)
    for range in [0..<1, 1..<8, 8..<131, 131..<457] {
      left.multiply(a.matrix.rows(range), panels, into: parts.matrix.rows(range), from: .zero)
    }
    withExtendedLifetime(room) {}
    #expect(parts.matrix.array.map(\.bitPattern) == whole.matrix.array.map(\.bitPattern))
  }

  /// Rows of A a multiple of 4 KiB apart are copied before they are multiplied, where they are many and the CPU's cache
  /// has no room for them; neither that nor how many there are changes a bit.
  @Test(arguments: [(depth: 1000, margin: 12), (1024, 0), (2000, 24), (2048, 0)])
  func rowsInOneCacheSetEqualTheReference(depth: Int, margin: Int) {
    var numbers = TestNumbers(seed: 4)
    let (rows, columns) = (97, 100)
    let a = Island(rows: rows, columns: depth, margin: margin)
    a.matrix.fill(from: &numbers)
    #expect(a.matrix.stride % 1024 == 0)
    let b = Island(rows: depth, columns: columns)
    b.matrix.fill(from: &numbers)
    let (panels, room) = RightOperand.packed.panels(b.matrix)
    let whole = Island(rows: rows, columns: columns, surroundings: 7)
    multiply(a.matrix, panels, into: whole.matrix, conflicting: .inPlace)
    let expected = ReferenceProduct(
      rows: rows, depth: depth, columns: columns, a: { a.matrix[$0, $1] }, b: { b.matrix[$0, $1] },
      start: { _, _ in 0 })
    #expect(worstRatio(whole.matrix.array, expected.values, bound: expected.bound) <= 1)
    #expect(whole.isIntact)
    for count in [1, 2, 12, 13, 47, 48, 49, rows] {
      for conflicting in [nil] + ConflictingRows.allCases {
        let part = Island(rows: count, columns: columns, surroundings: 7)
        multiply(a.matrix.rows(0..<count), panels, into: part.matrix, conflicting: conflicting)
        #expect(
          part.matrix.array.map(\.bitPattern) == whole.matrix.rows(0..<count).array.map(\.bitPattern),
          "\(count) rows, \(conflicting as Any)")
        #expect(part.isIntact, "\(count) rows, \(conflicting as Any)")
      }
    }
    withExtendedLifetime(room) {}
  }
}

extension Vector {
  /// Whole numbers of the values.
  fileprivate func round(times factor: Float) {
    for index in 0..<count { self[index] = (self[index] * factor).rounded() }
  }
}
