import TensorCore
import Testing

@Suite struct ActivationQuantizationTests {
  /// What the levels of rows stand for, once the rows are normalized, by whatever kernel; `epsilon` is next to nothing.
  private func rounded(_ rows: [[Float]], epsilon: Float = 1e-30) -> [[Float]] {
    let (count, columns) = (rows.count, rows[0].count)
    let x = Island(rows: count, columns: columns)
    for (index, row) in rows.enumerated() { x.matrix.row(index).copy(from: row) }
    let results = IntegerKernel.available.map { kernel in
      let (y, norms) = (Island(rows: count, columns: columns), Island(rows: 1, columns: count))
      let room = Int8Room(rows: count, columns: columns)
      RMSNormKernel.forward(
        x.matrix, epsilon: epsilon, into: room.levels, scales: norms.matrix.row(0), kernel: kernel)
      room.levels.values(into: y.matrix)
      #expect(y.isIntact && room.isIntact && norms.isIntact)
      return y.matrix.array
    }
    // Not a number is one whatever its bits.
    #expect(Set(results.map { $0.map { $0.isNaN ? .max : $0.bitPattern } }).count == 1)
    return rows.indices.map { Array(results[0][$0 * columns..<($0 + 1) * columns]) }
  }

  /// What must be added to a row's mean square for a root of exactly 128.
  private func epsilon(forRootOf128 row: [Float]) -> Float {
    16384 - row.reduce(0) { $0 + $1 * $1 } / Float(row.count)
  }

  /// Divided by 128, a row whose largest magnitude is 127 has levels of 1/128.
  @Test func roundsHalfToEven() {
    let row: [Float] = [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.25, 126.5, -126.5, 63.25]
    let result = rounded([row], epsilon: epsilon(forRootOf128: row))[0]
    #expect(result.map { $0 * 128 } == [127, 0, 2, 2, 0, -2, -2, 0, 126, -126, 63])
  }

  /// Normalized, all multiples of a row are the same.
  @Test func eachRowHasItsOwnLevels() {
    let first: [Float] = [-127, 3.4, 100.3]
    let results = rounded([first, first.map { $0 * 4 }, first.map { $0 / 8 }, [0, 0, 0]])
    #expect(results[0] == results[1] && results[0] == results[2] && results[3] == [0, 0, 0])
    let norm = (first.reduce(0) { $0 + Double($1 * $1) } / 3).squareRoot()
    #expect(worstRatio(results[0], [-127, 3, 100].map { $0 / norm }, ofLargest: 1e-6) <= 1)
  }

  /// Below 1e-5 the largest magnitude counts as 1e-5.
  @Test func tinyRowsAreClamped() {
    let level: Float = 1e-5 / 127
    let result = rounded([[5.2 * level, -1.6 * level, 0.4 * level]], epsilon: 1)[0]
    #expect(worstRatio(result, [5, -2, 0].map { $0 * Double(level) }, ofLargest: 1e-6) <= 1)
  }

  /// Every value comes out within half a level, and on a level.
  @Test(arguments: awkwardSizes.dropFirst())
  func staysWithinHalfALevel(columns: Int) {
    var numbers = TestNumbers(seed: columns)
    let row = numbers.values(columns, in: -3...2)
    let result = rounded([row, row.map { -$0 }])
    let normal = ReferenceNormalization.rmsNorm(row.map(Double.init), epsilon: 0).normal
    let level = normal.map(abs).max()! / 127
    #expect(worstRatio(result[0], normal) { _ in 0.500_01 * level } <= 1)
    let levels = result[0].map { Double($0) / level }
    #expect(levels.allSatisfy { abs($0 - $0.rounded()) < 1e-4 && abs($0) < 127.001 })
    #expect(result[1] == result[0].map { -$0 })
  }

  /// Values whose squares are beyond float32 are finite: what is divided by their root is zero.
  @Test func whatIsNotFiniteMakesItsRowOne() {
    for value in [Float.nan, -.nan, .infinity, -.infinity] {
      for position in [0, 7, 8, 18] {
        var row = [Float](repeating: 1, count: 19)
        let fine = rounded([row])[0]
        row[position] = value
        let results = rounded([fine, row, fine])
        #expect(results[1].count { $0.isNaN } == 19 && results[0] == results[2])
      }
    }
    #expect(rounded([[3e38, 1, -3e38]]) == [[0, 0, 0]])
  }
}
