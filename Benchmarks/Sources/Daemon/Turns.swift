import Dispatch
import Foundation
import Synchronization

/// A computation that can be held up, and what it uses of time between that.
///
/// A machine that others share is faster at one minute than at the next, by far more than what is to be measured. Of two
/// that take turns of a fraction of a second both have the same of it.
final class TurnTaker: Sendable {
  private struct State {
    var seconds = 0.0
    var cpuSeconds = 0.0
    var end: Double?
  }

  private static let turn = DispatchTimeInterval.milliseconds(250)

  private let process: pid_t
  private let resume: @Sendable () -> Void
  private let hold: @Sendable () -> Void
  private let state = Mutex(State())
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - process: whose CPU time counts; 0 for this one.
  ///   - resume: lets it compute.
  ///   - hold: holds it up; returns when it is, or when it has ended.
  init(process: pid_t, resume: @escaping @Sendable () -> Void, hold: @escaping @Sendable () -> Void) {
    (self.process, self.resume, self.hold) = (process, resume, hold)
  }

  /// It has come to its end, at that time.
  func end(at time: Double = MonotonicClock.now) {
    state.withLock { $0.end = time }
    ended.signal()
  }

  var hasEnded: Bool { state.withLock { $0.end != nil } }
  var seconds: Double { state.withLock(\.seconds) }
  var cpuSeconds: Double { state.withLock(\.cpuSeconds) }

  private func takeTurn() {
    let (begin, cpu) = (MonotonicClock.now, MonotonicClock.cpuSeconds(of: process))
    resume()
    if ended.wait(timeout: .now() + Self.turn) == .timedOut { hold() }
    let (end, cpuEnd) = (MonotonicClock.now, MonotonicClock.cpuSeconds(of: process))
    state.withLock {
      $0.seconds += max(0, ($0.end ?? end) - begin)
      $0.cpuSeconds += cpuEnd - cpu
    }
  }

  /// Lets all of them compute to their ends.
  static func run(_ all: [TurnTaker]) {
    while all.contains(where: { !$0.hasEnded }) {
      for one in all where !one.hasEnded { one.takeTurn() }
    }
  }
}

/// Where a thread waits, time and again, until it may go on.
final class Gate: @unchecked Sendable {
  // Sendable invariant: all that changes is used with the condition locked.
  private let condition = NSCondition()
  private var isOpen = false
  private var isAway = true

  func pass() {
    condition.withLock {
      isAway = false
      condition.broadcast()
      while !isOpen { condition.wait() }
      isAway = true
    }
  }

  func open() {
    condition.withLock {
      isOpen = true
      condition.broadcast()
    }
  }

  /// Returns when the thread waits.
  ///
  /// - Parameter isOver: whether it will not come any more.
  func close(unless isOver: () -> Bool) {
    condition.withLock {
      isOpen = false
      while isAway, !isOver() { _ = condition.wait(until: Date(timeIntervalSinceNow: 0.001)) }
    }
  }
}
