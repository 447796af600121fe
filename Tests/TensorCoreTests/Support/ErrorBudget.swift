/// The largest error as a fraction of what each value may have: a test passes at 1 or below.
///
/// A value that is not a number, or an error where none is allowed, counts as infinite.
func worstRatio(_ actual: [Float], _ expected: [Double], bound: (Int) -> Double) -> Double {
  precondition(actual.count == expected.count, "worstRatio: \(actual.count) for \(expected.count) values")
  var worst = 0.0
  for index in actual.indices {
    let error = abs(Double(actual[index]) - expected[index])
    if error == 0 { continue }
    let ratio = error / bound(index)
    worst = max(worst, ratio.isFinite ? ratio : .infinity)
  }
  return worst
}

/// The same, every value allowed `tolerance` times the largest expected magnitude.
func worstRatio(_ actual: [Float], _ expected: [Double], ofLargest tolerance: Double) -> Double {
  let largest = expected.reduce(0) { max($0, abs($1)) }
  return worstRatio(actual, expected) { _ in tolerance * largest }
}
