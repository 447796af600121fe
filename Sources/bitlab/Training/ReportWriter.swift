import Dispatch
import Experiments
import Synchronization

/// Writes experiments' curves and summaries while their runs go on and as they end, on a queue of its own.
///
/// With thousands of runs a report takes seconds to write, and each run that ends changes it: no report takes more than a
/// small part of the time. Each is written once more, in full, after its last change.
final class ReportWriter: Sendable {
  private typealias Instant = ContinuousClock.Instant

  private struct State {
    /// What has changed since it was written, and when it may be written.
    var due: [String: (report: ExperimentReport, time: Instant)] = [:]
    /// Until when reports rest that were written.
    var resting: [String: Rest] = [:]
    /// When the queue looks next.
    var nextLook: Instant?
    /// Why reports cannot be written, as it was said: that may last for hours.
    var said: [String: String] = [:]
  }

  private struct Rest {
    /// From the ends of runs.
    var ends: Instant
    /// From what runs do on their way.
    var progress: Instant
  }

  private let queue = DispatchQueue(label: "bitlab.reports", qos: .utility)
  private let state = Mutex(State())
  private let complain: @Sendable (String) -> Void
  private let clock = ContinuousClock()

  /// Writing a report may take one part in so many of the time.
  private static let rest = 20
  private static let restAfterFailure = Duration.seconds(10)
  /// Between two that only show how far runs are.
  private static let restOnTheWay = Duration.seconds(5)
  /// A run that ends by then needs no report before its end.
  private static let patience = Duration.seconds(1)

  init(complain: @escaping @Sendable (String) -> Void) { self.complain = complain }

  /// A run has ended: the experiment's files are to be written soon.
  func update(_ report: ExperimentReport) {
    let now = clock.now
    state.withLock { $0.due[report.name] = (report, max(now, $0.resting[report.name]?.ends ?? now)) }
    schedule()
  }

  /// A run has another row: they are to be written some time.
  func progressed(_ report: ExperimentReport) {
    let time = clock.now + Self.patience
    let isNew = state.withLock { state in
      guard state.due[report.name] == nil else { return false }
      state.due[report.name] = (report, max(time, state.resting[report.name]?.progress ?? time))
      return true
    }
    if isNew { schedule() }
  }

  /// Writes everything that is due, now; returns whether all could be written.
  @discardableResult
  func flush() -> Bool {
    queue.sync { write(takeDue { _, _ in true }) }
  }

  /// The same for one experiment.
  func flush(_ name: String) -> Bool {
    queue.sync { write(takeDue { due, _ in due == name }) }
  }

  /// Looks when the next one is due.
  private func schedule() {
    let next = state.withLock { state -> Instant? in
      guard let next = state.due.values.map(\.time).min(), next < state.nextLook ?? next + .seconds(1) else {
        return nil
      }
      state.nextLook = next
      return next
    }
    guard let next else { return }
    let nanoseconds = max(0, Int((next - clock.now) / .nanoseconds(1)))
    queue.asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) { [self] in
      let now = clock.now
      state.withLock { state in
        state.nextLook = nil
        state.resting = state.resting.filter { max($0.value.ends, $0.value.progress) > now }
      }
      write(takeDue { _, time in time <= now })
      schedule()
    }
  }

  private func takeDue(where isWanted: (String, Instant) -> Bool) -> [ExperimentReport] {
    state.withLock { state in
      let taken = state.due.filter { isWanted($0.key, $0.value.time) }
      for name in taken.keys { state.due[name] = nil }
      return taken.values.map(\.report).sorted { $0.name < $1.name }
    }
  }

  @discardableResult
  private func write(_ reports: [ExperimentReport]) -> Bool {
    var isWritten = true
    for report in reports {
      let start = clock.now
      var rest = Duration.zero
      do {
        try report.write()
        state.withLock { _ = $0.said.removeValue(forKey: report.name) }
        rest = (clock.now - start) * Self.rest
      } catch  where !report.isThere {
        complain("\(report.name): \(report.folder.path) is not there any more, so its summary is not written")
      } catch {
        let problem = "\(error)"
        if state.withLock({ $0.said.updateValue(problem, forKey: report.name) }) != problem {
          complain(problem)
        }
        isWritten = false
        rest = Self.restAfterFailure
        // Unless it has changed again already.
        let time = clock.now + rest
        state.withLock { $0.due[report.name] = $0.due[report.name] ?? (report, time) }
      }
      let now = clock.now
      let progress = max(rest, Self.restOnTheWay)
      state.withLock { $0.resting[report.name] = Rest(ends: now + rest, progress: now + progress) }
    }
    if !isWritten { schedule() }
    return isWritten
  }
}
