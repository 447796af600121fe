import Synchronization

/// What others ask of a run in progress. The run looks before every step, so an answer comes within one.
package final class RunControl: Sendable {
  package enum Request: Int, Sendable {
    case proceed
    /// Checkpoint and stop, until somebody wants the run to go on.
    case pause
    /// Checkpoint and stop; the run goes on by itself with the next process.
    case interrupt
    /// Stop for good.
    case cancel
  }

  private let state = Atomic<Int>(Request.proceed.rawValue)

  package init() {}

  package var request: Request {
    get { Request(rawValue: state.load(ordering: .acquiring))! }
    set { state.store(newValue.rawValue, ordering: .releasing) }
  }

  package var asksToStop: Bool { request != .proceed }
}
