/// What several seeds' results say together.
package enum Statistics {
  /// Both ends of an interval.
  package struct Interval: Hashable, Sendable {
    package var low: Double
    package var high: Double

    package init(low: Double, high: Double) {
      self.low = low
      self.high = high
    }
  }

  /// The arithmetic mean; missing for no values.
  package static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : sum(values) / Double(values.count)
  }

  /// The sample standard deviation, `sqrt(sum((x - mean)^2) / (n - 1))`; missing for fewer than two values.
  package static func standardDeviation(_ values: [Double]) -> Double? {
    guard values.count >= 2, let mean = mean(values) else { return nil }
    let squares = sum(values.map { ($0 - mean) * ($0 - mean) })
    return (squares / Double(values.count - 1)).squareRoot()
  }

  /// The 95% confidence interval of the mean after Student, `mean -+ t * s / sqrt(n)` with `n - 1` degrees of
  /// freedom; missing for fewer than two values. It is not cut off at what the values could be at most.
  package static func confidenceInterval95(_ values: [Double]) -> Interval? {
    guard let mean = mean(values), let deviation = standardDeviation(values) else { return nil }
    let t = StudentT(degreesOfFreedom: values.count - 1).twoSidedQuantile(0.95)
    let half = t * deviation / Double(values.count).squareRoot()
    return Interval(low: mean - half, high: mean + half)
  }

  /// Neumaier's sum: what rounding loses of each addition is added up apart, so that the order of values of
  /// very different size does not matter.
  package static func sum(_ values: [Double]) -> Double {
    var sum = 0.0
    var lost = 0.0
    for value in values {
      let next = sum + value
      lost += abs(sum) >= abs(value) ? (sum - next) + value : (value - next) + sum
      sum = next
    }
    // With an infinity what was lost is not a number.
    return lost.isFinite ? sum + lost : sum
  }
}
