import TensorCore
import Testing

@Suite struct MatrixViewTests {
  private let storage = FloatStorage(count: 5 * 7)

  private var matrix: Matrix {
    storage.all.copy(from: (0..<35).map(Float.init))
    return storage.matrix(rows: 5, columns: 7)
  }

  @Test func rowsAndColumnsAreViews() {
    let part = matrix.rows(1..<4).columns(2..<5)
    #expect(part.array == [9, 10, 11, 16, 17, 18, 23, 24, 25])
    part[1, 1] = -1
    #expect(storage.all[17] == -1)
  }

  @Test func everyRowTakesTheClassTokens() {
    #expect(matrix.everyRow(2).array == matrix.row(0).array + matrix.row(2).array + matrix.row(4).array)
    #expect(matrix.everyRow(3, from: 1).array == matrix.row(1).array + matrix.row(4).array)
    #expect(matrix.everyRow(2, from: 9).rows == 0)
  }

  @Test func storageBeginsAtZeroOnACacheLine() {
    for count in awkwardSizes {
      let storage = FloatStorage(count: count)
      #expect(storage.all.array.allSatisfy { $0 == 0 })
      storage.all.withBytes { #expect(UInt(bitPattern: $0.baseAddress) % 64 == 0) }
    }
  }

  @Test func fillAndCopyStayInside() {
    let island = Island(rows: 3, columns: 9, surroundings: 7)
    island.matrix.fill(2)
    #expect(island.matrix.array.allSatisfy { $0 == 2 } && island.isIntact)
    let source = Island(rows: 3, columns: 9)
    source.matrix.fill(4)
    island.matrix.copy(from: source.matrix)
    #expect(island.matrix.array.allSatisfy { $0 == 4 } && island.isIntact)
  }
}
