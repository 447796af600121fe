import TensorCore
import Testing

@Suite struct ReLUTests {
  @Test(arguments: awkwardSizes)
  func keepsWhatIsPositive(count: Int) {
    var numbers = TestNumbers(seed: count)
    let x = Island(rows: 1, columns: count, surroundings: -7)
    x.matrix.fill(from: &numbers)
    let before = x.matrix.array
    x.matrix.relu()
    #expect(x.matrix.array == before.map { max($0, 0) } && x.isIntact)
    let dy = Island(rows: 1, columns: count, surroundings: -7)
    dy.matrix.fill(from: &numbers)
    let upstream = dy.matrix.array
    dy.matrix.reluBackward(output: x.matrix)
    #expect(dy.matrix.array == zip(upstream, before).map { $1 > 0 ? $0 : 0 } && dy.isIntact)
  }

  @Test func specialValues() {
    let storage = FloatStorage(count: 6)
    storage.all.copy(from: [.nan, -.infinity, .infinity, 0, -0, .leastNonzeroMagnitude])
    let matrix = storage.matrix(rows: 1, columns: 6)
    matrix.relu()
    #expect(storage.all[0].isNaN)
    #expect(Array(storage.all.array[1...]) == [0, .infinity, 0, 0, .leastNonzeroMagnitude])
    let gradient = FloatStorage(count: 6)
    gradient.all.fill(3)
    gradient.matrix(rows: 1, columns: 6).reluBackward(output: matrix)
    #expect(gradient.all.array == [3, 0, 3, 0, 0, 3])
  }
}
