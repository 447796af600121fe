import Dispatch
import Synchronization

/// What others ask of a run in progress. The run looks before every step, so an answer comes within one.
package final class RunControl: Sendable {
  package enum Request: Int, Sendable {
    case proceed
    /// Checkpoint and stop; the run can go on later.
    case pause
    /// Stop for good.
    case cancel
  }

  private let asked = DispatchSemaphore(value: 0)
  private let state = Atomic<Int>(Request.proceed.rawValue)

  package init() {}

  package var request: Request {
    get { Request(rawValue: state.load(ordering: .acquiring))! }
    set {
      state.store(newValue.rawValue, ordering: .releasing)
      asked.signal()
    }
  }

  package var asksToStop: Bool { request != .proceed }

  /// Waits so long, or until somebody asks to stop; returns whether somebody has.
  package func waitForRequest(seconds: Double) -> Bool {
    guard !asksToStop else { return true }
    _ = asked.wait(timeout: .now() + seconds)
    return asksToStop
  }
}
