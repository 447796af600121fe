import Experiments
import Testing

struct StatisticsTests {
  /// From SciPy's `stats.t.ppf`, 0.975 for two sides of 95%.
  @Test(arguments: [
    (1, 12.706204736174694), (2, 4.302652729749462), (3, 3.18244630528371), (4, 2.7764451051977934),
    (5, 2.5705818356363146), (9, 2.262157162798205), (10, 2.228138851986274), (30, 2.0422724563012378),
    (100, 1.9839715185235522), (999, 1.9623414611334626), (1000, 1.9623390808264083),
  ])
  func quantilesOfStudentsT(degreesOfFreedom: Int, expected: Double) {
    let quantile = StudentT(degreesOfFreedom: degreesOfFreedom).twoSidedQuantile(0.95)
    #expect(abs(quantile - expected) < 1e-9)
  }

  @Test(arguments: [(1, 0.5, 1.0), (2, 0.5, 0.816496580927726), (1, 0.99, 63.65674116287158)])
  func otherProbabilities(degreesOfFreedom: Int, probability: Double, expected: Double) {
    let quantile = StudentT(degreesOfFreedom: degreesOfFreedom).twoSidedQuantile(probability)
    #expect(abs(quantile - expected) < 1e-9)
  }

  @Test func fewValues() {
    #expect(Statistics.mean([]) == nil)
    #expect(Statistics.mean([0.25]) == 0.25)
    #expect(Statistics.standardDeviation([0.25]) == nil)
    #expect(Statistics.confidenceInterval95([0.25]) == nil)
    #expect(Statistics.standardDeviation([1, 1]) == 0)
    #expect(Statistics.standardDeviation([1, 3]) == 2.0.squareRoot())
  }

  @Test func anInterval() throws {
    let values = [0.9712, 0.9745, 0.9688]
    let interval = try #require(Statistics.confidenceInterval95(values))
    #expect(abs(interval.low - 0.9643908509651293) < 1e-12)
    #expect(abs(interval.high - 0.9786091490348705) < 1e-12)
  }

  @Test func sumsLoseNothingToLargeNeighbours() {
    #expect(Statistics.sum([1, 1e100, 1, -1e100]) == 2)
    #expect(Statistics.sum([Double](repeating: 0.1, count: 10)) == 1)
    #expect(Statistics.sum([1, .infinity]) == .infinity)
    #expect(Statistics.sum([.infinity, -.infinity]).isNaN)
  }

  @Test func theDeviationOfLargeNumbersIsNotCancelled() throws {
    let deviation = try #require(Statistics.standardDeviation([1e9, 1e9 + 1, 1e9 + 2]))
    #expect(deviation == 1)
  }
}
