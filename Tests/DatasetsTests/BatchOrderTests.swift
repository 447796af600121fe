import Testing

@testable import Datasets

struct BatchOrderTests {
  @Test(arguments: [0, 1, 2, 3, 4, 5, 7, 12, 13], [1, 2, 3, 4, 13, 100])
  func everySampleOnceInOrder(samples: Int, batchSize: Int) {
    let order = BatchOrder(sampleCount: samples, batchSize: batchSize)
    #expect(order.flatMap(Array.init) == Array(0..<samples))
    #expect(order.dropLast().allSatisfy { $0.count == batchSize })
    #expect(order.count == (samples + batchSize - 1) / batchSize)
    #expect(samples == 0 || !order.last!.isEmpty)

    let permutation = Array((0..<samples).reversed())
    let shuffled = BatchOrder(permutation: permutation, batchSize: batchSize)
    #expect(shuffled.flatMap(Array.init) == permutation)
    #expect(shuffled.map(\.count) == order.map(\.count))
  }

  @Test func goesOnAtABatch() {
    let order = BatchOrder(permutation: [4, 2, 0, 1, 3], batchSize: 2)
    #expect(order[1...].map(Array.init) == [[0, 1], [3]])
  }

  @Test func hugeBatchSize() {
    #expect(BatchOrder(sampleCount: 3, batchSize: .max).map(Array.init) == [[0, 1, 2]])
  }
}
