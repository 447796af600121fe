import Dispatch
import Foundation
import Synchronization

/// The end of the daemon: asked for once or more, awaited by its main thread.
final class StopRequest: Sendable {
  private let engine: DaemonCore.Engine
  private let ended = DispatchSemaphore(value: 0)

  init(_ engine: DaemonCore.Engine) { self.engine = engine }

  /// Begins nothing more; running runs are checkpointed, or with `drain` end first. A later request without `drain`
  /// hurries an earlier one with it.
  func request(drain: Bool) { engine.shutdown(drain: drain) { [ended] in ended.signal() } }

  func wait() { ended.wait() }
}

/// The signals a daemon knows: SIGTERM and SIGINT stop it, as `StopSignals` says; SIGHUP opens the log anew, which does no
/// harm where `nohup` would have it ignored.
///
/// They count from the object's beginning on, which comes before that of the daemon: replaying a journal takes its time.
final class DaemonSignals: @unchecked Sendable {
  // Sendable invariant: `hangup` changes only in `init`.
  private let interrupts: InterruptWatch
  private let hangup: any DispatchSourceSignal
  private let stop: Mailbox<Void>

  init(reopenLog: @escaping @Sendable () -> Void) {
    let stop = Mailbox<Void>()
    self.stop = stop
    interrupts = InterruptWatch(signals: [SIGINT, SIGTERM]) { _ in stop.tell(()) }
    hangup = DispatchSource.makeSignalSource(signal: SIGHUP, queue: DispatchQueue(label: "bitlab.hangup"))
    hangup.setEventHandler(handler: reopenLog)
    hangup.takeOver(SIGHUP)
  }

  /// Whether somebody has asked the daemon to stop.
  var isStopRequested: Bool { interrupts.signalReceived != nil }

  /// Calls `body` when somebody asks the daemon to stop, be it already.
  func onStop(_ body: @escaping @Sendable () -> Void) { stop.begin(body) }
}

/// Hands values to whoever is made later than the one who sends them; what comes before waits.
final class Mailbox<Value: Sendable>: Sendable {
  /// A closure that is the mutex's value itself would get one more layer of conversion at each access.
  private struct Receiver: Sendable {
    let take: @Sendable (Value) -> Void
  }

  private struct State {
    var receiver: Receiver?
    var waiting: [Value] = []
  }

  private let state = Mutex(State())

  func begin(_ body: @escaping @Sendable (Value) -> Void) {
    let waiting = state.withLock { state in
      defer { state.waiting = [] }
      state.receiver = Receiver(take: body)
      return state.waiting
    }
    for value in waiting { body(value) }
  }

  func tell(_ value: Value) {
    let receiver = state.withLock { state in
      if state.receiver == nil { state.waiting.append(value) }
      return state.receiver
    }
    receiver?.take(value)
  }
}
