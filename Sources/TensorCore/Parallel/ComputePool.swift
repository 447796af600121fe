import Dispatch
import Synchronization

/// The machine's cores, shared by all runs of a process.
///
/// A run computes on a thread of its own and, at every parallel loop, borrows the cores that no run holds at that
/// moment; so two runs share two cores, and when one ends the other takes over its core within the same step.
/// Helpers are threads of serial Dispatch queues that sleep between loops.
package final class ComputePool: Sendable {
  /// Cores that may compute at once.
  package let cores: Int
  private let state: Mutex<State>

  private struct State {
    var activeRuns = 0
    var lent = 0
    var idle: [Helper]
  }

  package init(cores: Int) {
    precondition(cores > 0, "ComputePool: \(cores) cores")
    self.cores = cores
    state = Mutex(State(idle: (1..<max(cores, 1)).map { Helper(number: $0) }))
  }

  deinit {
    for helper in state.withLock({ $0.idle }) { helper.stop() }
  }

  /// Counts the calling run as one core's work until `body` ends.
  package func withRun<Result>(_ body: () throws -> Result) rethrows -> Result {
    state.withLock { $0.activeRuns += 1 }
    defer { state.withLock { $0.activeRuns -= 1 } }
    return try body()
  }

  /// Lends at most `wanted` helpers, as many as there are cores without work.
  func borrow(_ wanted: Int, into helpers: inout [Helper]) {
    state.withLock { state in
      let free = cores - max(state.activeRuns, 1) - state.lent
      for _ in 0..<max(0, min(wanted, free, state.idle.count)) {
        helpers.append(state.idle.removeLast())
        state.lent += 1
      }
    }
  }

  func giveBack(_ helpers: inout [Helper]) {
    guard !helpers.isEmpty else { return }
    state.withLock { state in
      state.lent -= helpers.count
      state.idle.append(contentsOf: helpers)
    }
    helpers.removeAll(keepingCapacity: true)
  }
}

/// A sleeping thread that joins one team's loop at a time.
final class Helper: @unchecked Sendable {
  // Sendable invariant: `team` and `slot` are written by the borrower before `phase` becomes `offered` and read by the
  // helper after it has taken the offer; `phase` orders the two.
  private enum Phase {
    static let idle = 0
    static let offered = 1
    static let working = 2
    static let stopped = 3
  }

  private let phase = Atomic<Int>(Phase.idle)
  private let wake = DispatchSemaphore(value: 0)
  private let finished = DispatchSemaphore(value: 0)
  private var team: Team?
  private var slot = 0

  init(number: Int) {
    // A serial queue of its own has a thread of its own, so sleeping here holds up nobody else's work.
    DispatchQueue(label: "bitlab.compute.\(number)", qos: .userInitiated).async { [self] in serve() }
  }

  func offer(_ team: Team, slot: Int) {
    self.team = team
    self.slot = slot
    phase.store(Phase.offered, ordering: .releasing)
    wake.signal()
  }

  /// Takes the offer back where the helper has not begun, else waits for it to end.
  func settle() {
    let (withdrawn, _) = phase.compareExchange(
      expected: Phase.offered, desired: Phase.idle, ordering: .acquiringAndReleasing)
    if !withdrawn { spinThenWait(finished) }
    team = nil
  }

  func stop() {
    phase.store(Phase.stopped, ordering: .releasing)
    wake.signal()
  }

  private func serve() {
    while true {
      spinThenWait(wake)
      if phase.load(ordering: .acquiring) == Phase.stopped { return }
      // A wake-up may be left over from an offer taken back.
      let (taken, _) = phase.compareExchange(
        expected: Phase.offered, desired: Phase.working, ordering: .acquiringAndReleasing)
      guard taken, let team else { continue }
      team.work(slot: slot)
      phase.store(Phase.idle, ordering: .releasing)
      finished.signal()
    }
  }
}
