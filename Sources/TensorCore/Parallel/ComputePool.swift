import CSIMD
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
  /// Cores without work, as the state had it last. Where there are none nobody has to take the lock, which runs that share a
  /// core would else queue for at every loop.
  private let free: Atomic<Int>

  private struct State {
    var activeRuns = 0
    var lent = 0
    var idle: [Helper]

    func free(of cores: Int) -> Int { cores - max(activeRuns, 1) - lent }
  }

  package init(cores: Int) {
    precondition(cores > 0, "ComputePool: \(cores) cores")
    self.cores = cores
    state = Mutex(State(idle: (1..<max(cores, 1)).map { Helper(number: $0) }))
    free = Atomic(cores - 1)
  }

  deinit {
    for helper in state.withLock({ $0.idle }) { helper.stop() }
  }

  /// Counts the calling run as one core's work until `body` ends.
  package func withRun<Result>(_ body: () throws -> Result) rethrows -> Result {
    change { $0.activeRuns += 1 }
    defer { change { $0.activeRuns -= 1 } }
    return try body()
  }

  private func change(_ body: (inout State) -> Void) {
    state.withLock { state in
      body(&state)
      free.store(state.free(of: cores), ordering: .relaxed)
    }
  }

  /// Lends at most `wanted` helpers, as many as there are cores without work.
  func borrow(_ wanted: Int, into helpers: inout [Helper]) {
    guard free.load(ordering: .relaxed) > 0 else { return }
    change { state in
      for _ in 0..<max(0, min(wanted, state.free(of: cores), state.idle.count)) {
        helpers.append(state.idle.removeLast())
        state.lent += 1
      }
    }
  }

  func giveBack(_ helpers: inout [Helper]) {
    guard !helpers.isEmpty else { return }
    change { state in
      state.lent -= helpers.count
      state.idle.append(contentsOf: helpers)
    }
    helpers.removeAll(keepingCapacity: true)
  }
}

/// A thread that joins one team's loop at a time.
///
/// Loops follow each other closely, so both sides look out for each other for some microseconds before they sleep; who
/// sleeps says so in `phase`, and only then is there a semaphore to be signalled.
final class Helper: @unchecked Sendable {
  // Sendable invariant: `team` and `slot` are written by the borrower before `phase` becomes `offered` and read by the
  // helper after it has taken the offer; `phase` orders the two.
  private enum Phase {
    static let idle = 0
    /// Idle, and waiting for `wake`.
    static let asleep = 1
    static let offered = 2
    static let working = 3
    /// Working, while the borrower waits for `finished`.
    static let awaited = 4
    static let stopped = 5
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
    become(Phase.offered)
  }

  /// Takes the offer back where the helper has not begun, else waits for it to end.
  func settle() {
    if !change(from: Phase.offered, to: Phase.idle), !spin(until: { $0 != Phase.working }),
      change(from: Phase.working, to: Phase.awaited)
    {
      finished.wait()
    }
    team = nil
  }

  func stop() { become(Phase.stopped) }

  /// The borrower's word to a helper that is idle or asleep.
  private func become(_ next: Int) {
    if phase.exchange(next, ordering: .acquiringAndReleasing) == Phase.asleep { wake.signal() }
  }

  private func serve() {
    while true {
      if !spin(until: { $0 != Phase.idle }), change(from: Phase.idle, to: Phase.asleep) { wake.wait() }
      if phase.load(ordering: .acquiring) == Phase.stopped { return }
      // An offer may have been taken back meanwhile.
      guard change(from: Phase.offered, to: Phase.working), let team else { continue }
      team.work(slot: slot)
      if phase.exchange(Phase.idle, ordering: .acquiringAndReleasing) == Phase.awaited { finished.signal() }
    }
  }

  private func change(from expected: Int, to desired: Int) -> Bool {
    phase.compareExchange(expected: expected, desired: desired, ordering: .acquiringAndReleasing).exchanged
  }

  /// Looks at the phase for some tens of microseconds; false when it did not become what was waited for.
  private func spin(until isOver: (Int) -> Bool) -> Bool {
    for _ in 0..<2_000 {
      if isOver(phase.load(ordering: .acquiring)) { return true }
      csimd_pause()
    }
    return false
  }
}
