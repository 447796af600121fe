/// The runs that a row of the summary is about: one variant at one grid point, over all seeds.
package struct SummaryGroup: Hashable, Sendable {
  package var variant: String
  package var bits: Int
  package var grid: [GridText]
  package var seeds: [Int]
  /// The records there are; a seed without one has not begun.
  package var runs: [RunRecord]

  package init(variant: String, bits: Int, grid: [GridText], seeds: [Int], runs: [RunRecord]) {
    self.variant = variant
    self.bits = bits
    self.grid = grid
    self.seeds = seeds
    self.runs = runs
  }
}

/// A row of the summary. Means are over completed runs, and missing where one of those lacks the number;
/// accuracies and the gap are fractions.
package struct SummaryRow: Hashable, Sendable {
  /// Where the row's runs stand together; the raw value is what files say.
  package enum Status: String, Sendable, Hashable, CaseIterable {
    /// All runs completed.
    case completed
    /// All ended, some completed.
    case partial
    /// Some have not ended.
    case running
    /// All ended, none completed.
    case failed
  }

  package let experiment: String
  package let variant: String
  package let grid: [GridText]
  package let bits: Int
  /// How many.
  package let seeds: Int
  package let completed: Int
  /// Failed and diverged runs.
  package let failed: Int
  package let finalAccuracyMean: Double?
  package let finalAccuracyDeviation: Double?
  package let finalAccuracyInterval: Statistics.Interval?
  package let bestAccuracyMean: Double?
  package let finalLossMean: Double?
  /// Full precision's mean minus this one's; set once all rows are known.
  package internal(set) var gapToFullPrecision: Double?
  package let weightBytes: Int?
  package let trainSecondsMean: Double?
  package let status: Status

  init(experiment: String, _ group: SummaryGroup) {
    let completed = group.runs.filter { $0.status == .completed }
    func values(_ value: (RunRecord) -> Double?) -> [Double] {
      let values = completed.compactMap(value)
      return values.count == completed.count ? values : []
    }
    let accuracies = values(\.finalValidationAccuracy)
    self.experiment = experiment
    variant = group.variant
    grid = group.grid
    bits = group.bits
    seeds = group.seeds.count
    self.completed = completed.count
    failed = group.runs.count { $0.status.hasFailed }
    finalAccuracyMean = Statistics.mean(accuracies)
    finalAccuracyDeviation = Statistics.standardDeviation(accuracies)
    finalAccuracyInterval = Statistics.confidenceInterval95(accuracies)
    bestAccuracyMean = Statistics.mean(values(\.bestValidationAccuracy))
    finalLossMean = Statistics.mean(values(\.finalValidationLoss))
    weightBytes = group.runs.lazy.compactMap(\.weightBytes).first
    trainSecondsMean = Statistics.mean(values(\.trainSeconds))
    if group.runs.count < group.seeds.count || group.runs.contains(where: { !$0.status.hasEnded }) {
      status = .running
    } else if completed.isEmpty {
      status = .failed
    } else {
      status = completed.count == group.runs.count ? .completed : .partial
    }
  }
}
