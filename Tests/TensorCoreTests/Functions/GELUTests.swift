import Foundation
import TensorCore
import Testing

@Suite struct GELUTests {
  private func gelu(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }

  private func derivative(_ x: Double) -> Double {
    0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
  }

  /// The stated bound: 3e-7 of max(1, |x|), for GELU and its derivative.
  @Test(arguments: [(-1000, -1e-20), (-6, 6), (1e-20, 1000)] as [(Float, Float)])
  func valueAndDerivativeAreWithinTheBound(low: Float, high: Float) {
    let count = 300_000
    let step = (Double(high) - Double(low)) / Double(count)
    let values =
      floats(from: low, to: high, count: count) + (0...count).map { Float(Double(low) + Double($0) * step) }
    let storage = FloatStorage(count: values.count)
    let output = FloatStorage(count: values.count)
    storage.all.copy(from: values)
    storage.matrix(rows: 1, columns: values.count)
      .geluKeepingDerivative(into: output.matrix(rows: 1, columns: values.count))
    func bound(_ index: Int) -> Double { 3e-7 * max(1, abs(Double(values[index]))) }
    #expect(worstRatio(output.all.array, values.map { gelu(Double($0)) }, bound: bound) <= 1)
    #expect(worstRatio(storage.all.array, values.map { derivative(Double($0)) }, bound: bound) <= 1)
  }

  @Test(arguments: awkwardSizes)
  func oddLengthsStayInside(count: Int) {
    var numbers = TestNumbers(seed: count)
    let values = numbers.values(count, in: -3...3)
    let (x, y) = (island(values), Island(rows: 1, columns: count, surroundings: 7))
    x.matrix.gelu(into: y.matrix)
    #expect(worstRatio(y.matrix.array, values.map { gelu(Double($0)) }) { _ in 9e-7 } <= 1)
    let alone = y.matrix.array
    y.matrix.fill(0)
    x.matrix.geluKeepingDerivative(into: y.matrix)
    #expect(y.matrix.array == alone)
    #expect(worstRatio(x.matrix.array, values.map { derivative(Double($0)) }) { _ in 9e-7 } <= 1)
    x.matrix.multiplyElements(by: y.matrix)
    let product = zip(values, alone).map { derivative(Double($0)) * Double($1) }
    #expect(worstRatio(x.matrix.array, product) { _ in 3e-6 } <= 1)
    #expect(x.isIntact && y.isIntact)
  }

  @Test func extremes() {
    let largest = Float.greatestFiniteMagnitude
    let x = island([largest, -largest, .infinity, .nan, 0, -0, .leastNonzeroMagnitude, 30])
    x.matrix.gelu(into: x.matrix)
    let y = x.matrix.array
    #expect(Array(y[0...2]) == [largest, 0, .infinity])
    #expect(y[3].isNaN)
    #expect(Array(y[4...5]) == [0, 0] && y[7] == 30)
    let z = island([largest, -largest, 0, .nan])
    let output = island([0, 0, 0, 0])
    z.matrix.geluKeepingDerivative(into: output.matrix)
    #expect(Array(z.matrix.array[0..<3]) == [1, 0, 0.5])
    #expect(z.matrix[0, 3].isNaN)
  }

  private func island(_ values: [Float]) -> Island {
    let island = Island(rows: 1, columns: values.count, surroundings: 7)
    island.matrix.row(0).copy(from: values)
    return island
  }
}
