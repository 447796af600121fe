import Experiments

/// How far the runs are that a process trains, and how long they and those behind them will take.
struct ProgressBoard: Sendable {
  typealias Instant = SuspendingClock.Instant

  struct Entry: Sendable {
    fileprivate(set) var progress: RunProgress?
    fileprivate(set) var validationAccuracy: Double?
    /// Training losses of the epochs that this process has seen, or means of neighbours where they are many.
    fileprivate(set) var losses: [Double] = []
    fileprivate var epochsInLoss = 1
    fileprivate var pending: [Double] = []
    fileprivate let began: Instant
    fileprivate var firstStep: Int?

    /// With that of the epoch which is under way.
    var curve: [Double] { losses + (progress.map { [$0.trainLoss] } ?? []) }

    /// Seconds for a whole run, by what was done here; nil before there is anything to go by.
    fileprivate func secondsForAll(at now: Instant) -> Double? {
      guard let progress, let firstStep, progress.step > firstStep else { return nil }
      return (now - began).seconds / Double(progress.step - firstStep) * Double(progress.totalSteps)
    }

    func secondsLeft(at now: Instant) -> Double? {
      guard let progress, let whole = secondsForAll(at: now) else { return nil }
      return whole * Double(progress.totalSteps - progress.step) / Double(progress.totalSteps)
    }

    fileprivate mutating func add(loss: Double) {
      pending.append(loss)
      guard pending.count == epochsInLoss else { return }
      losses.append(pending.reduce(0, +) / Double(pending.count))
      pending = []
      guard losses.count == Self.mostLosses else { return }
      losses = stride(from: 0, to: losses.count, by: 2).map { (losses[$0] + losses[$0 + 1]) / 2 }
      epochsInLoss *= 2
    }

    /// Even: far more than a table shows.
    private static let mostLosses = 64
  }

  private var entries: [String: Entry] = [:]
  /// Of the runs that have ended here.
  private var (endedSeconds, endedCount) = (0.0, 0)

  subscript(_ run: String) -> Entry? { entries[run] }

  mutating func begin(_ run: String, at now: Instant = SuspendingClock.now) {
    entries[run] = Entry(began: now)
  }

  mutating func happened(_ event: RunEvent, in run: String) {
    switch event {
    case .began(let steps, _): entries[run]?.firstStep = steps
    case .step(let progress): entries[run]?.progress = progress
    case .epoch(let row, _):
      entries[run]?.validationAccuracy = row.validationAccuracy
      entries[run]?.add(loss: row.trainLoss)
    case .checkpointed, .notice: break
    }
  }

  /// It does not run any more, for now or for good.
  mutating func end(_ run: String, at now: Instant = SuspendingClock.now) {
    guard let entry = entries.removeValue(forKey: run), let seconds = entry.secondsForAll(at: now) else {
      return
    }
    endedSeconds += seconds
    endedCount += 1
  }

  /// Until all have ended, those that run and so many that wait; nil before there is anything to go by.
  func secondsLeft(waiting: Int, slots: Int, at now: Instant = SuspendingClock.now) -> Double? {
    let left = entries.values.map { $0.secondsLeft(at: now) }
    let wholes = entries.values.compactMap { $0.secondsForAll(at: now) }
    let count = endedCount + wholes.count
    guard count > 0, waiting > 0 || !entries.isEmpty else { return nil }
    // One that has just begun, or waits, is taken for one like the others.
    let mean = (endedSeconds + wholes.reduce(0, +)) / Double(count)
    let work = left.reduce(0) { $0 + ($1 ?? mean) } + mean * Double(waiting)
    return max(work / Double(max(1, slots)), left.compactMap(\.self).max() ?? 0)
  }
}

extension Duration {
  fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
