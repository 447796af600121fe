import Foundation

/// The clocks that a run reads.
package struct RunClocks: Sendable {
  /// Nanoseconds by a clock that nobody sets and that stands still while the machine is suspended.
  package var elapsed: @Sendable () -> Int
  /// Nanoseconds that the process has computed, all its threads together.
  package var computed: @Sendable () -> Int

  package init(elapsed: @escaping @Sendable () -> Int, computed: @escaping @Sendable () -> Int) {
    self.elapsed = elapsed
    self.computed = computed
  }

  package static let system = RunClocks(
    elapsed: { read(CLOCK_MONOTONIC) }, computed: { read(CLOCK_PROCESS_CPUTIME_ID) })

  private static func read(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
  }
}

/// Seconds between two moments.
struct Stopwatch {
  /// A stretch of time.
  struct Lap: Equatable {
    /// By the clock on the wall.
    var elapsed: Double
    /// The part of it in which the process computed. A run that computes does so on one thread at least, so the process's
    /// own time goes on as fast as the clock; while the process is stopped, or waits for a core, it does not.
    var computed: Double
  }

  private let clocks: RunClocks
  private var last: (elapsed: Int, computed: Int)

  init(_ clocks: RunClocks) {
    self.clocks = clocks
    last = (clocks.elapsed(), clocks.computed())
  }

  /// The time since the last call, or since the beginning.
  @discardableResult
  mutating func restart() -> Lap {
    let now = (elapsed: clocks.elapsed(), computed: clocks.computed())
    defer { last = now }
    let elapsed = now.elapsed - last.elapsed
    return Lap(
      elapsed: Double(elapsed) * 1e-9, computed: Double(min(elapsed, now.computed - last.computed)) * 1e-9)
  }
}

/// When an epoch's end is worth saving: at most once in an interval, for small networks have thousands of epochs in a second
/// and a sync takes as long as ten.
struct SavingPace {
  /// In nanoseconds, as all times here.
  private let interval: Int
  private var last: Int?

  /// - Parameter begin: what is done in less than the interval after it needs no saving; nil where the first epoch's end is
  ///   to be saved whenever it comes.
  init(interval: Duration, since begin: Int?) {
    let parts = interval.components
    self.interval = Int(parts.seconds) * 1_000_000_000 + Int(parts.attoseconds / 1_000_000_000)
    last = begin
  }

  /// Whether it is time again; then the next interval begins.
  mutating func isDue(at now: Int) -> Bool {
    if let last, now - last < interval { return false }
    last = now
    return true
  }
}
