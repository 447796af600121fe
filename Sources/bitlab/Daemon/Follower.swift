@preconcurrency import Dispatch
import Foundation
import Scheduler

/// Looks again soon after the queue has changed, and at least twice a second, off the queue's own thread, until its client
/// goes.
final class Follower: @unchecked Sendable {
  // Sendable invariant: everything is touched on `queue`.
  private let engine: DaemonCore.Engine
  private let reply: ControlReply
  private let look: @Sendable () -> Void
  private let queue = DispatchQueue(label: "bitlab.follower", qos: .utility)
  private let wake: any DispatchSourceUserDataAdd
  private let timer: any DispatchSourceTimer
  private var token: UUID?

  /// A look copies the queue's state: with thousands of runs that end quickly, not at each of them.
  private static let pause = 0.1
  /// For what changes without the queue.
  private static let interval = 0.5

  init(_ engine: DaemonCore.Engine, _ reply: ControlReply, look: @escaping @Sendable () -> Void) {
    self.engine = engine
    self.reply = reply
    self.look = look
    wake = DispatchSource.makeUserDataAddSource(queue: queue)
    timer = DispatchSource.makeTimerSource(queue: queue)
  }

  func begin() {
    // The sources hold this object until it ends; changes that come closely together wake it once.
    wake.setEventHandler { [self] in
      if reply.isClosed {
        end()
      } else {
        timer.schedule(deadline: .now() + Self.pause, repeating: Self.interval)
      }
    }
    timer.setEventHandler { [self] in if reply.isClosed { end() } else { look() } }
    queue.async { [self] in
      token = engine.observe { [wake] _ in wake.add(data: 1) }
      timer.schedule(deadline: .now(), repeating: Self.interval)
      wake.activate()
      timer.activate()
    }
    reply.onClose { [wake] in wake.add(data: 1) }
  }

  private func end() {
    if let token { engine.stopObserving(token) }
    timer.cancel()
    wake.cancel()
  }
}
