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

/// The signals a daemon knows: SIGTERM and SIGINT stop it, a second one at once; SIGHUP opens the log anew.
final class DaemonSignals: @unchecked Sendable {
  // Sendable invariant: `hangup` changes only in `init`.
  private let interrupts: InterruptWatch
  private let hangup: any DispatchSourceSignal

  init(stop: @escaping @Sendable () -> Void, reopenLog: @escaping @Sendable () -> Void) {
    interrupts = InterruptWatch(signals: [SIGINT, SIGTERM]) { _ in stop() }
    signal(SIGHUP, SIG_IGN)
    hangup = DispatchSource.makeSignalSource(signal: SIGHUP, queue: DispatchQueue(label: "bitlab.hangup"))
    hangup.setEventHandler(handler: reopenLog)
    hangup.activate()
  }
}

/// Hands values to whoever is made later than the one who sends them.
final class Relay<Value: Sendable>: Sendable {
  /// A closure that is the mutex's value itself would get one more layer of conversion at each access.
  private struct Receiver: Sendable {
    let take: @Sendable (Value) -> Void
  }

  private let receiver = Mutex<Receiver?>(nil)

  func begin(_ body: @escaping @Sendable (Value) -> Void) { receiver.withLock { $0 = Receiver(take: body) } }

  func tell(_ value: Value) { receiver.withLock { $0 }?.take(value) }
}
