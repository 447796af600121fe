import Experiments
import Scheduler
import Synchronization

/// Writes what runs do to the daemon's log, and keeps how far they are for whoever asks.
final class DaemonObserver: RunObserver {
  private let log: DaemonLog
  private let board = Mutex(ProgressBoard())

  private let slots: Int

  /// - Parameter slots: runs at once.
  init(_ log: DaemonLog, slots: Int) { (self.log, self.slots) = (log, slots) }

  /// How far a running run is.
  func progress(of id: JobID) -> LiveProgress.Entry? { board.withLock { $0["\(id)"] }?.now }

  /// Until all have ended, those that run and so many that wait.
  func secondsLeft(waiting: Int) -> Double? {
    board.withLock(\.self).secondsLeft(waiting: waiting, slots: slots)
  }

  func expect(_ total: Int) {}

  func began(_ run: PlacedRun, _ progress: LiveProgress) {
    board.withLock { $0.begin(progress) }
    log.write("\(run.name): begins")
  }

  func happened(_ event: RunEvent, in run: PlacedRun) {
    switch event {
    case .began(let steps, let total):
      if steps > 0 { log.write("\(run.name): goes on after step \(steps) of \(total)") }
    case .step, .checkpointed: break
    case .epoch(let row, let speed): log.write("\(run.name): \(LogLine.epoch(row, imagesPerSecond: speed))")
    case .notice(let text): log.write("\(run.name): \(text)")
    }
  }

  func stopped(_ run: PlacedRun) { board.withLock { $0.end(run.name) } }

  func ended(_ name: String, _ status: RunStatus, problem: String?) {
    board.withLock { $0.end(name) }
    log.write("\(name): \(status.rawValue)" + (problem.map { ": \($0)" } ?? ""))
  }

  func say(_ text: String, isProblem: Bool) { log.write(text) }

  func close() {}
}
