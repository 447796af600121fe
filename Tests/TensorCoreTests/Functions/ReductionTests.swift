import TensorCore
import Testing

@Suite struct ReductionTests {
  private static let lengths = awkwardSizes + [1023, 1024, 1025, 5000]

  /// Blocks of 1,024 in eight lanes take 130 additions at most; the bound leaves them one rounding each.
  @Test(arguments: lengths)
  func sumsOverAVector(count: Int) {
    var numbers = TestNumbers(seed: count)
    let x = Island(rows: 1, columns: count)
    x.matrix.fill(from: &numbers)
    let row = x.matrix.row(0)
    let magnitudes = row.doubles.reduce(0) { $0 + abs($1) }
    let squares = row.doubles.reduce(0) { $0 + $1 * $1 }
    let bound = 132 * unitRoundoff
    #expect(abs(row.sum() - row.doubles.reduce(0, +)) <= bound * magnitudes)
    #expect(abs(row.sumOfMagnitudes() - magnitudes) <= bound * magnitudes)
    #expect(abs(row.sumOfSquares() - squares) <= bound * squares)
  }

  /// Four blocks are summed side by side, with the bits of one after the other.
  @Test(arguments: lengths + [4096, 9300])
  func blocksAreAddedInOrder(count: Int) {
    var numbers = TestNumbers(seed: count)
    let x = Island(rows: 1, columns: count)
    x.matrix.fill(from: &numbers)
    let row = x.matrix.row(0)
    let blocks = stride(from: 0, to: count, by: 1024).map { row[$0..<min(count, $0 + 1024)] }
    #expect(row.sum() == blocks.reduce(0) { $0 + $1.sum() })
    #expect(row.sumOfMagnitudes() == blocks.reduce(0) { $0 + $1.sumOfMagnitudes() })
    #expect(row.sumOfSquares() == blocks.reduce(0) { $0 + $1.sumOfSquares() })
  }

  /// Float32 alone would stop counting at 2^24.
  @Test func longSumsAreExactInTheBlocks() {
    let storage = FloatStorage(count: 20_000_000)
    storage.all.fill(-1)
    #expect(storage.all.sum() == -20_000_000)
    #expect(storage.all.sumOfMagnitudes() == 20_000_000)
  }

  @Test(arguments: awkwardSizes, [0, 1, 7, 130])
  func columnSums(columns: Int, rows: Int) {
    var numbers = TestNumbers(seed: columns)
    let x = Island(rows: rows, columns: columns)
    x.matrix.fill(from: &numbers)
    let total = Island(rows: 1, columns: columns, surroundings: 7)
    let once = (0..<columns).map { column in (0..<rows).reduce(0.0) { $0 + Double(x.matrix[$1, column]) } }
    let bound = Double(2 * rows + 1) * unitRoundoff * Double(2 * rows)
    for repetition in 1...2 {
      x.matrix.sumRows(into: total.matrix.row(0), accumulate: repetition == 2)
      let expected = once.map { $0 * Double(repetition) }
      #expect(worstRatio(total.matrix.array, expected) { _ in bound } <= 1)
    }
    #expect(total.isIntact)
  }

  @Test(arguments: awkwardSizes)
  func additionAndScaling(count: Int) {
    var numbers = TestNumbers(seed: count)
    let (x, y) = (
      Island(rows: 2, columns: count, surroundings: 7), Island(rows: 2, columns: count, margin: 3)
    )
    x.matrix.fill(from: &numbers)
    y.matrix.fill(from: &numbers)
    let sum = zip(x.matrix.array, y.matrix.array).map { $0 + $1 }
    x.matrix.add(y.matrix)
    #expect(x.matrix.array == sum)
    x.matrix.row(1).scale(by: 3)
    #expect(x.matrix.row(1).array == sum[count...].map { $0 * 3 })
    x.matrix.row(0).add(y.matrix.row(1))
    #expect(x.matrix.row(0).array == zip(sum, y.matrix.row(1).array).map { $0 + $1 })
    #expect(x.isIntact)
  }

  @Test(arguments: awkwardSizes)
  func threeAtATimeAreAddedInOrder(count: Int) {
    var numbers = TestNumbers(seed: count)
    let total = Island(rows: 1, columns: count, surroundings: 7)
    let others = Island(rows: 3, columns: count, margin: 3)
    total.matrix.fill(from: &numbers)
    others.matrix.fill(from: &numbers)
    let expected = (0..<count).map { column in
      (0..<3).reduce(total.matrix[0, column]) { $0 + others.matrix[$1, column] }
    }
    total.matrix.row(0).add(others.matrix.row(0), others.matrix.row(1), others.matrix.row(2))
    #expect(total.matrix.array == expected && total.isIntact)
  }

  @Test func firstOfTheLargest() {
    let storage = FloatStorage(count: 9)
    storage.all.copy(from: [-3, -1, -2, -1, -7, -8, -9, -9, -1])
    #expect(storage.all.indexOfLargest() == 1)
    #expect(storage.all[0..<0].indexOfLargest() == nil)
    storage.all[8] = .nan
    #expect(storage.all.indexOfLargest() == nil)
  }
}
