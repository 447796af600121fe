import Experiments
import Scheduler
import Synchronization

/// Writes what runs do to the daemon's log, and keeps how far they are for whoever asks.
final class DaemonObserver: RunObserver {
  private let log: DaemonLog
  private let entries = Mutex<[JobID: RunProgress]>([:])

  init(_ log: DaemonLog) { self.log = log }

  /// How far a running run is.
  func progress(of id: JobID) -> RunProgress? { entries.withLock { $0[id] } }

  func expect(_ total: Int) {}

  func began(_ run: PlacedRun) { log.write("\(run.name): begins") }

  func happened(_ event: RunEvent, in run: PlacedRun) {
    switch event {
    case .began(let steps, let total):
      if steps > 0 { log.write("\(run.name): goes on after step \(steps) of \(total)") }
    case .step(let progress):
      entries.withLock { $0[JobID(submission: run.experiment, job: run.plan.id)] = progress }
    case .checkpointed: break
    case .epoch(let row, let speed): log.write("\(run.name): \(LogLine.epoch(row, imagesPerSecond: speed))")
    case .notice(let text): log.write("\(run.name): \(text)")
    }
  }

  func stopped(_ run: PlacedRun) { forget(run.name) }

  func ended(_ name: String, _ status: RunStatus, problem: String?) {
    forget(name)
    log.write("\(name): \(status.rawValue)" + (problem.map { ": \($0)" } ?? ""))
  }

  private func forget(_ name: String) {
    let parts = name.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return }
    _ = entries.withLock { $0.removeValue(forKey: JobID(submission: parts[0], job: parts[1])) }
  }

  func say(_ text: String, isProblem: Bool) { log.write(text) }

  func close() {}
}
