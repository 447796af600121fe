import Dispatch
import Foundation
import Synchronization

/// Turns SIGINT, SIGTERM and, by default, SIGHUP into a request to stop, or into the process's end: `StopSignals` says
/// which.
///
/// Those that whoever started the process has it ignore stay ignored, as `nohup` and the background jobs of scripts expect.
final class InterruptWatch: @unchecked Sendable {
  // Sendable invariant: `sources` changes only in `init`.
  private let state = Mutex(StopSignals())
  private var sources: [any DispatchSourceSignal] = []

  /// - Parameter stop: called once, with the signal's number.
  init(signals: [Int32] = [SIGINT, SIGTERM, SIGHUP], _ stop: @escaping @Sendable (Int32) -> Void) {
    let queue = DispatchQueue(label: "bitlab.signals")
    let begin = ContinuousClock.now
    for number in signals where !Self.isIgnored(number) {
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { [self] in
        switch state.withLock({ $0.receive(number, at: ContinuousClock.now - begin) }) {
        case .stop: stop(number)
        case .nothing: break
        case .end: _exit(ExitCode.signal(number))
        }
      }
      source.takeOver(number)
      sources.append(source)
    }
  }

  /// The signal that asked to stop.
  var signalReceived: Int32? { state.withLock { $0.first } }

  /// From now on a first signal ends the process: nothing is left to be checkpointed.
  func endAtOnce() { state.withLock { $0.isDone = true } }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}

extension DispatchSourceSignal {
  /// Lets the source have the signal; returns when it does.
  func takeOver(_ number: Int32) {
    // The default action would end the process before the source sees the signal. A handler that does nothing is not
    // inherited by the processes that are started, as an ignored signal would be.
    signal(number) { _ in }
    // Until it is registered, on another thread, the signal would be lost.
    let isRegistered = DispatchSemaphore(value: 0)
    setRegistrationHandler { isRegistered.signal() }
    activate()
    isRegistered.wait()
  }
}
