import Dispatch
import Experiments
import Synchronization

/// Writes experiments' curves and summaries as their runs end, on a queue of its own.
///
/// With thousands of runs a report takes seconds to write, and each run that ends changes it: no report takes more than a
/// small part of the time. Each is written once more, in full, after its last change.
final class ReportWriter: Sendable {
  private struct State {
    /// What has changed since it was written.
    var due: [String: ExperimentReport] = [:]
    /// When each report may be written again.
    var resting: [String: ContinuousClock.Instant] = [:]
    var isScheduled = false
    /// Why reports cannot be written, as it was said: that may last for hours.
    var said: [String: String] = [:]
  }

  private let queue = DispatchQueue(label: "bitlab.reports", qos: .utility)
  private let state = Mutex(State())
  private let complain: @Sendable (String) -> Void
  private let clock = ContinuousClock()

  /// Writing a report may take one part in so many of the time.
  private static let rest = 20
  private static let restAfterFailure = Duration.seconds(10)

  init(complain: @escaping @Sendable (String) -> Void) { self.complain = complain }

  /// The experiment's files are to be written soon.
  func update(_ report: ExperimentReport) {
    state.withLock { $0.due[report.name] = report }
    schedule(after: .zero)
  }

  /// Writes everything that is due, now; returns whether all could be written.
  @discardableResult
  func flush() -> Bool {
    queue.sync { write(takeDue { _ in true }) }
  }

  /// The same for one experiment.
  func flush(_ name: String) -> Bool {
    queue.sync { write(takeDue { $0 == name }) }
  }

  private func schedule(after delay: Duration) {
    let begins = state.withLock { state in
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    guard begins else { return }
    let nanoseconds = Int(delay / .nanoseconds(1))
    queue.asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [self] in
      state.withLock { $0.isScheduled = false }
      let now = clock.now
      let resting = state.withLock { state in
        state.resting = state.resting.filter { $0.value > now }
        return state.resting
      }
      write(takeDue { resting[$0] == nil })
      if let next = nextTime { schedule(after: max(.zero, next - clock.now)) }
    }
  }

  /// When the first report that is due may be written.
  private var nextTime: ContinuousClock.Instant? {
    let now = clock.now
    return state.withLock { state in state.due.keys.map { state.resting[$0] ?? now }.min() }
  }

  private func takeDue(where isWanted: (String) -> Bool) -> [ExperimentReport] {
    state.withLock { state in
      let taken = state.due.values.filter { isWanted($0.name) }
      for report in taken { state.due[report.name] = nil }
      return taken.sorted { $0.name < $1.name }
    }
  }

  @discardableResult
  private func write(_ reports: [ExperimentReport]) -> Bool {
    var isWritten = true
    for report in reports {
      let start = clock.now
      let rest: Duration
      do {
        try report.write()
        state.withLock { _ = $0.said.removeValue(forKey: report.name) }
        rest = (clock.now - start) * Self.rest
      } catch  where !report.isThere {
        complain("\(report.name): \(report.folder.path) is not there any more, so its summary is not written")
        rest = .zero
      } catch {
        let problem = "\(error)"
        if state.withLock({ $0.said.updateValue(problem, forKey: report.name) }) != problem {
          complain(problem)
        }
        isWritten = false
        rest = Self.restAfterFailure
        // Unless it has changed again already.
        state.withLock { $0.due[report.name] = $0.due[report.name] ?? report }
      }
      state.withLock { $0.resting[report.name] = clock.now + rest }
    }
    if !isWritten { schedule(after: Self.restAfterFailure) }
    return isWritten
  }
}
