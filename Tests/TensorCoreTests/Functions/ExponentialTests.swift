import Foundation
import TensorCore
import Testing

@Suite struct ExponentialTests {
  /// `exponential` of many values, eight at a time.
  private func results(_ values: [Float]) -> [Float] {
    stride(from: 0, to: values.count, by: 8).flatMap { first in
      var lanes = SIMD8<Float>(repeating: 0)
      let count = min(8, values.count - first)
      for lane in 0..<count { lanes[lane] = values[first + lane] }
      let result = exponential(lanes)
      return (0..<count).map { result[$0] }
    }
  }

  /// The stated bound, 2 ulp, over the whole range in which the result is at least 2^-125 and finite.
  @Test(arguments: [(-86.643_39, -1e-30), (-1, 1), (1e-30, 88.722_83)] as [(Float, Float)])
  func isWithinTwoUlp(low: Float, high: Float) {
    let values = floats(from: low, to: high, count: 400_000)
    let expected = values.map { exp(Double($0)) }
    let ratio = worstRatio(results(values), expected) { 2 * Double(Float(expected[$0]).ulp) }
    #expect(ratio <= 1)
  }

  @Test func smallerResultsAreZero() {
    let values = floats(from: -.infinity, to: -86.643_41, count: 10_000)
    #expect(results(values).allSatisfy { $0 == 0 })
  }

  @Test func largerResultsAreInfinite() {
    let values = floats(from: 88.722_85, to: .infinity, count: 10_000)
    #expect(results(values).allSatisfy { $0 == .infinity })
  }

  @Test func specialValues() {
    #expect(results([0, -0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude]) == [1, 1, 1, 1])
    #expect(results([.nan, -.nan, .signalingNaN]).allSatisfy { $0.isNaN })
  }
}
