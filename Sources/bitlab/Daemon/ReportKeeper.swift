import Dispatch
import Experiments
import Synchronization

/// Writes experiments' curves and summaries as their runs end, on a queue of its own, spending no more than a small part
/// of the time on it.
final class ReportKeeper: Sendable {
  private struct State {
    var due: [String: ExperimentReport] = [:]
    var isScheduled = false
  }

  private let queue = DispatchQueue(label: "bitlab.reports", qos: .utility)
  private let state = Mutex(State())
  private let complain: @Sendable (String) -> Void

  /// Writing may take one part in so many of the time.
  private static let rest = 20.0

  init(complain: @escaping @Sendable (String) -> Void) { self.complain = complain }

  /// The experiment's files are to be written soon.
  func update(_ report: ExperimentReport) {
    let begins = state.withLock { state in
      state.due[report.name] = report
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    if begins { queue.async { [self] in writeDue() } }
  }

  /// Writes everything that is due, now.
  func flush() { queue.sync { takeDue().forEach(write) } }

  private func writeDue() {
    let start = DispatchTime.now().uptimeNanoseconds
    takeDue().forEach(write)
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    queue.asyncAfter(deadline: .now() + seconds * Self.rest) { [self] in
      let more = state.withLock { state in
        state.isScheduled = !state.due.isEmpty
        return state.isScheduled
      }
      if more { writeDue() }
    }
  }

  private func takeDue() -> [ExperimentReport] {
    state.withLock { state in
      defer { state.due = [:] }
      return state.due.values.sorted { $0.name < $1.name }
    }
  }

  private func write(_ report: ExperimentReport) {
    do {
      try report.write()
    } catch {
      complain("\(error)")
    }
  }
}
