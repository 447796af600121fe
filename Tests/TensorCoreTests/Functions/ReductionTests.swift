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

  @Test func firstOfTheLargest() {
    let storage = FloatStorage(count: 9)
    storage.all.copy(from: [-3, -1, -2, -1, -7, -8, -9, -9, -1])
    #expect(storage.all.indexOfLargest() == 1)
    #expect(storage.all[0..<0].indexOfLargest() == nil)
    storage.all[8] = .nan
    #expect(storage.all.indexOfLargest() == nil)
  }
}
