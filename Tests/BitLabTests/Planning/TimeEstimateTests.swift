import Testing

@testable import bitlab

/// How long runs take together.
struct TimeEstimateTests {
  private func end(_ seconds: [Double], gain: Double = 0, atOnce: Int) -> Double {
    TimeEstimate.end(seconds.map { .init(seconds: $0, gain: gain) }, atOnce: atOnce)
  }

  @Test func runsFollowEachOther() {
    #expect(end([], atOnce: 2) == 0 && end([3], atOnce: 1) == 3 && end([3, 4, 5], atOnce: 1) == 12)
    #expect(end([1, 4, 2], atOnce: 2) == 4 && end([1, 2, 3, 4], atOnce: 4) == 4)
    #expect(end([0, 0, 1], atOnce: 2) == 1 && end([1, .infinity], atOnce: 2) == .infinity)
    #expect(end([.nan, 1], atOnce: 1) == .infinity)
  }

  /// The last ones have the cores of those that have ended, and use them as well as they can.
  @Test func whoIsLeftHasMoreCores() {
    #expect(end([2, 2, 2], gain: 1, atOnce: 2) == 3 && end([2, 2, 2], gain: 0, atOnce: 2) == 4)
    let half = end([2, 2, 2], gain: 0.5, atOnce: 2)
    #expect(abs(half - (2 + 2 / 2.0.squareRoot())) < 1e-12)
    // One of four has a quarter of the cores, and all of them at the end.
    #expect(end([1, 1, 1, 3], gain: 1, atOnce: 4) == 1.5)
  }

  /// Whatever they are, all end; no sooner than the work allows, nor later than without a gain.
  @Test func manyRunsEnd() {
    let seconds = (0..<1_000).map { Double($0 * 7919 % 1_000) / 7 }
    let whole = seconds.reduce(0, +) / 8
    #expect(abs(end(seconds, gain: 1, atOnce: 8) - whole) < 1e-6 * whole)
    #expect(end(seconds, gain: 0.5, atOnce: 8) > whole && end(seconds, atOnce: 8) < whole + 143)
  }
}
