import Experiments
import Files
import Foundation
import Scheduler
import Synchronization

/// Runs the queue's jobs by training them.
final class DaemonExecutor: QueueExecutor {
  private let shelf: ExperimentShelf
  private let environment: TrainingEnvironment
  private let reports: ReportKeeper
  private let board: ProgressBoard
  private let log: @Sendable (String) -> Void
  /// A submission's config is in its folder.
  private let placed: @Sendable (String) -> Void
  private let controls = Mutex<[JobID: RunControl]>([:])

  init(
    shelf: ExperimentShelf, environment: TrainingEnvironment, reports: ReportKeeper, board: ProgressBoard,
    log: @escaping @Sendable (String) -> Void, placed: @escaping @Sendable (String) -> Void
  ) {
    self.shelf = shelf
    self.environment = environment
    self.reports = reports
    self.board = board
    self.log = log
    self.placed = placed
  }

  func execute(_ id: JobID, of submission: Submission) -> JobOutcome {
    let control = RunControl()
    controls.withLock { $0[id] = control }
    defer {
      _ = controls.withLock { $0.removeValue(forKey: id) }
      board.remove(id)
    }
    do {
      return try train(id, submission, control)
    } catch let error as FileError {
      return error.isDiskFull ? .diskFull(error.description) : .machineFailed(error.description)
    } catch {
      return .ended(JobEnd(.failed, problem: "\(error)"))
    }
  }

  private func train(_ id: JobID, _ submission: Submission, _ control: RunControl) throws -> JobOutcome {
    let placed = try shelf.experiment(submission)
    if submission.payload != nil { self.placed(submission.name) }
    guard let run = placed.runs.first(where: { $0.plan.id == id.job }) else {
      return .ended(JobEnd(.failed, problem: "the experiment's config has no such run"))
    }
    if let end = recordedEnd(run) { return .ended(end) }
    log("\(id): begins")
    let trainer = Trainer(run, in: environment, control: control) { [board, log] event in
      switch event {
      case .began(let steps, let total):
        if steps > 0 { log("\(id): goes on after step \(steps) of \(total)") }
      case .step(let progress): board.update(id, progress)
      case .epoch(let row, let speed): log("\(id): \(LogLine.epoch(row, imagesPerSecond: speed))")
      case .notice(let text): log("\(id): \(text)")
      }
    }
    let outcome = trainer()
    log("\(id): \(outcome.status.rawValue)" + (outcome.problem.map { ": \($0)" } ?? ""))
    reports.update(ExperimentReport(placed, in: environment.files))
    return Self.outcome(outcome)
  }

  private static func outcome(_ outcome: RunOutcome) -> JobOutcome {
    switch outcome {
    case .completed: .ended(JobEnd(.completed))
    case .diverged(let problem): .ended(JobEnd(.diverged, problem: problem))
    case .paused, .cancelled: .stopped
    case .failed(let failure):
      switch failure.kind {
      case .machine(isDiskFull: true): .diskFull(failure.description)
      case .machine(isDiskFull: false): .machineFailed(failure.description)
      case .content: .ended(JobEnd(.failed, problem: failure.description))
      }
    }
  }

  /// How the run has ended already, by its own record: the process may have died between the run's end and the queue's
  /// hearing of it, or `bitlab run` may have trained it.
  private func recordedEnd(_ run: PlacedRun) -> JobEnd? {
    guard environment.files.exists(run.folder.recordFile),
      let record = try? RunRecord(reading: run.folder.recordFile, in: environment.files),
      record.configHash == run.configHash
    else { return nil }
    switch record.status {
    case .completed: return JobEnd(.completed)
    case .diverged: return JobEnd(.diverged, problem: record.error)
    default: return nil
    }
  }

  func askToStop(_ id: JobID, forGood: Bool) {
    controls.withLock { $0[id] }?.request = forGood ? .cancel : .pause
  }

  func progress(of id: JobID) -> Int? {
    shelf.folder(of: id).checkpoints(in: environment.files).newestStep
  }

  func reset(_ id: JobID) throws {
    let folder = shelf.folder(of: id)
    guard environment.files.exists(folder.path) else { return }
    // The record first: without it and the checkpoints the run begins again and cuts the other files to nothing.
    if environment.files.exists(folder.recordFile) { try environment.files.remove(folder.recordFile) }
    try folder.checkpoints(in: environment.files).removeAll()
  }

  func settle(_ id: JobID, _ end: JobEnd) {
    let path = shelf.folder(of: id).recordFile
    guard environment.files.exists(path), var record = try? RunRecord(reading: path, in: environment.files)
    else { return }
    record.status = RunStatus(rawValue: end.kind.rawValue) ?? .failed
    record.error = end.problem
    record.ended = RunRecord.timestamp(Date())
    do {
      try record.write(to: path, in: environment.files)
    } catch {
      log("\(id): \(error)")
    }
  }
}
