/// The runs that a process trains, and how long they and those behind them will take.
struct ProgressBoard: Sendable {
  typealias Instant = LiveProgress.Instant

  private var runs: [String: LiveProgress] = [:]
  /// Of the runs that have ended here.
  private var (endedSeconds, endedCount) = (0.0, 0)

  subscript(_ run: String) -> LiveProgress? { runs[run] }

  mutating func begin(_ run: LiveProgress) { runs[run.name] = run }

  /// It does not run any more, for now or for good.
  mutating func end(_ run: String, at now: Instant = SuspendingClock.now) {
    guard let seconds = runs.removeValue(forKey: run)?.now.secondsForAll(at: now) else { return }
    endedSeconds += seconds
    endedCount += 1
  }

  /// Until all have ended, those that run and so many that wait; nil before there is anything to go by.
  func secondsLeft(waiting: Int, slots: Int, at now: Instant = SuspendingClock.now) -> Double? {
    let entries = runs.values.map(\.now)
    let left = entries.map { $0.secondsLeft(at: now) }
    let wholes = entries.compactMap { $0.secondsForAll(at: now) }
    let count = endedCount + wholes.count
    guard count > 0, waiting > 0 || !entries.isEmpty else { return nil }
    // One that has just begun, or waits, is taken for one like the others.
    let mean = (endedSeconds + wholes.reduce(0, +)) / Double(count)
    let work = left.reduce(0) { $0 + ($1 ?? mean) } + mean * Double(waiting)
    return max(work / Double(max(1, slots)), left.compactMap(\.self).max() ?? 0)
  }
}
