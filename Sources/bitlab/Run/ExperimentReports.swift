import Experiments
import Files
import Synchronization

/// Keeps each experiment's curves and summary up to date as its runs end.
final class ExperimentReports: Sendable {
  private struct State {
    var hasProblems = false
    /// Runs that failed, by experiment.
    var failed: [String: Set<String>] = [:]
    /// When each experiment may be written again.
    var due: [String: ContinuousClock.Instant] = [:]
  }

  private let reports: [String: ExperimentReport]
  private let complain: @Sendable (String) -> Void
  private let state = Mutex(State())
  private let clock = ContinuousClock()

  /// A report is written as seldom as it takes to spend no more than one part in so many of the time on it: with
  /// thousands of runs it takes seconds, and each run that ends would write it.
  private static let rest = 20

  /// - Parameter complain: called with what goes wrong.
  init(
    _ experiments: [PlacedExperiment], files: any FileSystem, complain: @escaping @Sendable (String) -> Void
  ) {
    reports = Dictionary(uniqueKeysWithValues: experiments.map { ($0.name, ExperimentReport($0, in: files)) })
    self.complain = complain
  }

  /// Whether a run failed or diverged, or the last reports could not be written.
  var hasProblems: Bool { state.withLock { $0.hasProblems } }

  /// The runs that failed, by experiment.
  var failed: [String: Set<String>] { state.withLock { $0.failed } }

  func ended(_ run: PlacedRun, _ outcome: RunOutcome) {
    state.withLock { state in
      if outcome.status.hasFailed { state.hasProblems = true }
      if outcome.status == .failed { state.failed[run.experiment, default: []].insert(run.plan.id) }
      let start = clock.now
      guard let report = reports[run.experiment], state.due[run.experiment].map({ $0 <= start }) ?? true
      else { return }
      write(report)
      state.due[run.experiment] = clock.now + (clock.now - start) * Self.rest
    }
  }

  func writeAll() {
    state.withLock { state in
      for report in reports.values where !write(report) { state.hasProblems = true }
    }
  }

  @discardableResult
  private func write(_ report: ExperimentReport) -> Bool {
    do {
      try report.write()
      return true
    } catch {
      complain("\(error)")
      return false
    }
  }
}
