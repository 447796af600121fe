/// Measurements of the same thing.
struct Distribution {
  let sorted: [Double]

  init(_ values: [Double]) {
    precondition(!values.isEmpty, "Distribution: no values")
    sorted = values.sorted()
  }

  var least: Double { sorted[0] }
  var worst: Double { sorted[sorted.count - 1] }

  var median: Double {
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// The smallest value that so many percent of all do not exceed.
  func percentile(_ percent: Double) -> Double {
    let rank = Int((percent / 100 * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }
}
