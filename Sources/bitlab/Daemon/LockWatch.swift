@preconcurrency import Dispatch
import Files
import Synchronization

/// Looks now and then whether the lock's file is still where it was taken: the system has no event for a folder that is moved
/// away with all that is in it.
final class LockWatch: Sendable {
  private let lock: FileLock
  private let timer: any DispatchSourceTimer
  private let lost = Mutex(false)

  private static let interval = DispatchTimeInterval.seconds(2)

  /// - Parameter onLoss: called once, when the file is not there any more.
  init(_ lock: FileLock, onLoss: @escaping @Sendable () -> Void) {
    self.lock = lock
    timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "bitlab.lock", qos: .utility))
    timer.setEventHandler { [weak self] in
      guard let self, !self.lock.isInPlace else { return }
      timer.cancel()
      lost.withLock { $0 = true }
      onLoss()
    }
    timer.schedule(deadline: .now() + Self.interval, repeating: Self.interval, leeway: .milliseconds(200))
    timer.activate()
  }

  deinit { timer.cancel() }

  func stop() { timer.cancel() }

  var isLost: Bool { lost.withLock { $0 } }
}
