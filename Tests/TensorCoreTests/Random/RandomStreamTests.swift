import Foundation
import TensorCore
import Testing

@Suite struct RandomStreamTests {
  /// Results of experiments rest on these numbers: they may never change.
  @Test func firstNumbersOfAStreamAreFixed() {
    var stream = RandomStream(seed: 0, purpose: "layers.0.weight")
    let expected: [UInt64] = [
      0xfd13_4418_42d7_60d2, 0x06e6_63de_996e_63ad, 0x1844_d3b1_cd12_1cfc, 0x033e_81f8_250e_c005,
    ]
    #expect((0..<4).map { _ in stream.next() } == expected)
  }

  @Test func streamsDoNotDependOnEachOther() {
    let purposes = ["layers.0.weight", "layers.0.bias", "shuffle.1"]
    func first(_ purpose: String, seed: Int = 3) -> [UInt64] {
      var stream = RandomStream(seed: seed, purpose: purpose)
      return (0..<9).map { _ in stream.next() }
    }
    let forwards = purposes.map { first($0) }
    let backwards = purposes.reversed().map { first($0) }.reversed()
    #expect(forwards == Array(backwards))
    let more = ["layers.0.weighs", "", "shuffle.2"].map { first($0) } + [first("shuffle.1", seed: 4)]
    #expect(Set((forwards + more).flatMap { $0 }).count == 9 * 7)
    #expect(first("a", seed: Int.max) != first("a", seed: Int.min))
  }

  /// Mean and variance within five standard errors, and the Kolmogorov-Smirnov distance below its 0.1% quantile.
  @Test(arguments: [0, 1, 2])
  func uniformNumbersAreUniform(seed: Int) {
    let count = 100_000
    let storage = FloatStorage(count: count)
    var stream = RandomStream(seed: seed, purpose: "test")
    stream.fillUniform(storage.all, bound: 0.5)
    let values = storage.all.doubles
    #expect(values.allSatisfy { $0 >= -0.5 && $0 <= 0.5 })
    expectMoments(values, deviation: (1.0 / 12).squareRoot(), kurtosis: 1.8)
    #expect(distance(values) { $0 + 0.5 } < 1.95 / Double(count).squareRoot())
  }

  @Test(arguments: [0, 1, 2], [100_000, 99_999])
  func normalNumbersAreNormal(seed: Int, count: Int) {
    let storage = FloatStorage(count: count)
    var stream = RandomStream(seed: seed, purpose: "test")
    stream.fillNormal(storage.all, deviation: 0.02)
    let values = storage.all.doubles
    expectMoments(values, deviation: 0.02, kurtosis: 3)
    let limit = 1.95 / Double(count).squareRoot()
    #expect(distance(values) { 0.5 * erfc(-$0 / 0.02 / 2.0.squareRoot()) } < limit)
    #expect(values.map(abs).max()! < 0.02 * 6)
  }

  @Test func unitNumbersStayBelowOne() {
    var stream = RandomStream(seed: 9, purpose: "test")
    let values = (0..<100_000).map { _ in stream.uniform() }
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 && ($0 * 0x1p24) == ($0 * 0x1p24).rounded() })
  }

  @Test(arguments: awkwardSizes)
  func permutationsHoldEachNumberOnce(count: Int) {
    var stream = RandomStream(seed: count, purpose: "shuffle")
    let (first, second) = (stream.permutation(count), stream.permutation(count))
    #expect(first.sorted() == Array(0..<count) && second.sorted() == Array(0..<count))
    if count > 8 { #expect(first != second && first != Array(0..<count)) }
  }

  /// Where a given number ends up is uniform: a chi-square of 9 degrees of freedom below its 0.01% quantile.
  @Test func permutationsAreEven() {
    var stream = RandomStream(seed: 1, purpose: "shuffle")
    var counts = [Double](repeating: 0, count: 10)
    for _ in 0..<10_000 { counts[stream.permutation(10).firstIndex(of: 0)!] += 1 }
    #expect(counts.reduce(0) { $0 + ($1 - 1000) * ($1 - 1000) / 1000 } < 33.7)
  }

  private func expectMoments(_ values: [Double], deviation: Double, kurtosis: Double) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + $1 * $1 } / count
    #expect(abs(mean) < 5 * deviation / count.squareRoot())
    #expect(abs(variance / (deviation * deviation) - 1) < 5 * ((kurtosis - 1) / count).squareRoot())
  }

  /// The largest distance between the values' distribution function and `expected`.
  private func distance(_ values: [Double], from expected: (Double) -> Double) -> Double {
    let count = Double(values.count)
    return values.sorted().enumerated().reduce(0) { worst, element in
      let probability = expected(element.element)
      return max(
        worst, abs(probability - Double(element.offset) / count),
        abs(probability - Double(element.offset + 1) / count))
    }
  }
}
