import Dispatch
import Foundation
import Synchronization

/// Turns SIGINT, SIGTERM and, by default, SIGHUP into a request to stop: the first asks, a second one ends the process at once.
final class InterruptWatch: @unchecked Sendable {
  // Sendable invariant: `sources` changes only in `init`.
  private let received = Mutex<Int32?>(nil)
  private var sources: [any DispatchSourceSignal] = []

  /// - Parameter stop: called once, with the signal's number.
  init(signals: [Int32] = [SIGINT, SIGTERM, SIGHUP], _ stop: @escaping @Sendable (Int32) -> Void) {
    let queue = DispatchQueue(label: "bitlab.signals")
    for number in signals {
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { [self] in
        let isFirst = received.withLock { received in
          defer { received = received ?? number }
          return received == nil
        }
        if isFirst { stop(number) } else { _exit(ExitCode.signal(number)) }
      }
      source.takeOver(number)
      sources.append(source)
    }
  }

  /// The signal that asked to stop.
  var signalReceived: Int32? { received.withLock { $0 } }
}

extension DispatchSourceSignal {
  /// Lets the source have the signal; returns when it does.
  func takeOver(_ number: Int32) {
    // The default action would end the process before the source sees the signal.
    signal(number, SIG_IGN)
    // Until it is registered, on another thread, the signal would be lost.
    let isRegistered = DispatchSemaphore(value: 0)
    setRegistrationHandler { isRegistered.signal() }
    activate()
    isRegistered.wait()
  }
}
