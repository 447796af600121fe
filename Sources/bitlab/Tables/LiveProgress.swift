import Experiments
import Synchronization

/// How far a run is that this process trains. Its thread takes note of every step, and nobody else's: thousands a second where
/// networks are small.
final class LiveProgress: Sendable {
  typealias Instant = SuspendingClock.Instant

  /// As it was at a moment.
  struct Entry: Sendable {
    fileprivate(set) var progress: RunProgress?
    fileprivate(set) var validationAccuracy: Double?
    /// Training losses of the epochs that this process has seen, or means of neighbours where they are many.
    private var losses: [Double] = []
    private var epochsInLoss = 1
    private var pending: [Double] = []
    private let began: Instant
    fileprivate var firstStep: Int?

    fileprivate init(began: Instant) { self.began = began }

    /// With that of the epoch which is under way.
    var curve: [Double] { losses + (progress.map { [$0.trainLoss] } ?? []) }

    /// Seconds for a whole run, by what was done here; nil before there is anything to go by.
    func secondsForAll(at now: Instant) -> Double? {
      guard let progress, let firstStep, progress.step > firstStep else { return nil }
      return (now - began) / .seconds(1) / Double(progress.step - firstStep) * Double(progress.totalSteps)
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

  /// `<experiment>/<run id>`.
  let name: String
  private let entry: Mutex<Entry>

  init(_ name: String, at now: Instant = SuspendingClock.now) {
    self.name = name
    entry = Mutex(Entry(began: now))
  }

  var now: Entry { entry.withLock(\.self) }

  func happened(_ event: RunEvent) {
    entry.withLock { entry in
      switch event {
      case .began(let steps, _): entry.firstStep = steps
      case .step(let progress): entry.progress = progress
      case .epoch(let row, _):
        entry.validationAccuracy = row.validationAccuracy
        entry.add(loss: row.trainLoss)
      case .checkpointed, .notice: break
      }
    }
  }
}
