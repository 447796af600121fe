import TensorCore
import Testing

@Suite struct ActivationQuantizationTests {
  private func rounded(_ rows: [[Float]]) -> [[Float]] {
    let island = Island(rows: rows.count, columns: rows[0].count, surroundings: 7)
    for (index, row) in rows.enumerated() { island.matrix.row(index).copy(from: row) }
    let room = Int8Room(rows: rows.count, columns: rows[0].count)
    island.matrix.roundRows(into: room.levels)
    #expect(island.isIntact && room.isIntact)
    return rows.indices.map { island.matrix.row($0).array }
  }

  /// A row whose largest magnitude is 127 has levels of 1.
  @Test func roundsHalfToEven() {
    let row: [Float] = [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.499_999_97, 126.5, -126.5, 63.25]
    #expect(rounded([row]) == [[127, 0, 2, 2, 0, -2, -2, 0, 126, -126, 63]])
  }

  @Test func eachRowHasItsOwnLevels() {
    let first: [Float] = [-127, 3.4, 100.5]
    let rows = [first, first.map { $0 * 4 }, first.map { $0 / 8 }, [0, 0, 0]]
    let levels: [Float] = [-127, 3, 100]
    let expected = [levels, levels.map { $0 * 4 }, levels.map { $0 / 8 }, [0, 0, 0]]
    #expect(rounded(rows) == expected)
  }

  /// Below 1e-5 the largest magnitude counts as 1e-5.
  @Test func tinyRowsAreClamped() {
    let level: Float = 1e-5 / 127
    let result = rounded([[5.2 * level, -1.6 * level, 0.4 * level]])[0]
    #expect(worstRatio(result, [5, -2, 0].map { $0 * Double(level) }, ofLargest: 1e-6) <= 1)
  }

  /// Every value comes out within half a level, and on a level.
  @Test(arguments: awkwardSizes.dropFirst())
  func staysWithinHalfALevel(columns: Int) {
    var numbers = TestNumbers(seed: columns)
    let row = numbers.values(columns, in: -3...2)
    let result = rounded([row, row.map { -$0 }])
    let level = row.map { abs(Double($0)) }.max()! / 127
    #expect(worstRatio(result[0], row.map(Double.init)) { _ in 0.500_01 * level } <= 1)
    let levels = result[0].map { Double($0) / level }
    #expect(levels.allSatisfy { abs($0 - $0.rounded()) < 1e-4 && abs($0) < 127.001 })
    #expect(result[1] == result[0].map { -$0 })
  }

  @Test func aNotANumberStays() {
    for position in [0, 7, 8, 18] {
      var row = [Float](repeating: 1, count: 19)
      row[position] = .nan
      #expect(rounded([row])[0][position].isNaN)
    }
  }
}
