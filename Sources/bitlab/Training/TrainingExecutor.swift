import Experiments
import Files
import Foundation
import Scheduler
import Synchronization

/// Runs the queue's jobs by training them, and tells an observer what happens.
final class TrainingExecutor: QueueExecutor {
  private let environment: TrainingEnvironment
  private let results: ResultsFolder
  /// The experiment of a submission, its folder in place.
  private let experiment: @Sendable (Submission) throws -> PlacedExperiment
  private let reports: ReportWriter
  private let observer: any RunObserver
  /// Called with a job that has a new checkpoint.
  private let progressed: @Sendable (JobID) -> Void
  private let controls = Mutex<[JobID: RunControl]>([:])
  /// What a run is asked when the process ends: whether it goes on by itself is for the next process.
  private let atShutdown: RunControl.Request
  /// Whether runs take over what equal ones have done, where their submissions allow it.
  private let reuses: Bool
  /// What jobs wait for that could not begin.
  private let lacking = Mutex<[JobID: Lack]>([:])

  /// The configs whose experiments' ended runs have been looked at, by their hashes.
  private let looked = Mutex<[String: String]>([:])
  private static let mostLookedAt = 1_000

  private enum Lack {
    case room(RunNeed)
    /// The end of the run of that hash that is in training.
    case equal(String)
  }

  init(
    _ environment: TrainingEnvironment, results: ResultsFolder, reports: ReportWriter,
    observer: any RunObserver, reuses: Bool = true, atShutdown: RunControl.Request = .pause,
    progressed: @escaping @Sendable (JobID) -> Void = { _ in },
    experiment: @escaping @Sendable (Submission) throws -> PlacedExperiment
  ) {
    self.atShutdown = atShutdown
    self.reuses = reuses
    self.progressed = progressed
    self.environment = environment
    self.results = results
    self.reports = reports
    self.observer = observer
    self.experiment = experiment
  }

  func prepare(_ id: JobID) { controls.withLock { $0[id] = RunControl() } }

  func execute(_ id: JobID, of submission: Submission, isRestart: Bool) -> JobOutcome {
    guard let control = controls.withLock({ $0[id] }) else {
      preconditionFailure("TrainingExecutor: \(id) was not prepared")
    }
    defer {
      _ = controls.withLock { $0.removeValue(forKey: id) }
      returnRoom(of: id)
    }
    do {
      // Before anything is opened: many may begin at once.
      try environment.reservations.reserve(Trainer.needToBegin, for: "\(id)")
      return try train(id, submission, control, mayReuse: reuses && submission.reuses && !isRestart)
    } catch let refusal as Reservations.Refusal where !refusal.isForGood {
      return wait(id, for: .room(refusal.need), refusal.description)
    } catch let error as FileError where error.isForWantOfDescriptors {
      return wait(id, for: nil, "a file descriptor: \(error)")
    } catch let error as FileError {
      return error.isDiskFull ? .diskFull(error.description) : .machineFailed(error.description)
    } catch {
      observer.ended("\(id)", .failed, problem: "\(error)")
      return .ended(JobEnd(.failed, problem: "\(error)"))
    }
  }

  private func train(
    _ id: JobID, _ submission: Submission, _ control: RunControl, mayReuse: Bool
  ) throws -> JobOutcome {
    let placed = try experiment(submission)
    guard let run = placed.run(id.job) else {
      // The experiment has grown without it, as by `bitlab run`.
      return .ended(JobEnd(.cancelled, problem: PlacedExperiment.runIsGone))
    }
    if let end = recordedEnd(run) {
      reportWasLeft(placed)
      return .ended(end)
    }
    sayWhatHasChanged(placed, run)
    let progress = LiveProgress(run.name)
    observer.began(run, progress)
    let report = ExperimentReport(placed, in: environment.files)
    let trainer = Trainer(run, in: environment, control: control, mayReuse: mayReuse) {
      [observer, progressed, reports] event in
      progress.happened(event)
      switch event {
      case .step: return
      case .checkpointed: progressed(id)
      case .epoch: reports.progressed(report)
      case .began, .notice: break
      }
      observer.happened(event, in: run)
    }
    let outcome = trainer()
    reports.update(report)
    // Whether a fault of the machine ends the run is the queue's to say.
    if case .failed(let failure) = outcome, failure.mayPass {
      observer.stopped(run)
      switch failure.kind {
      case .machine(isDiskFull: true): return .diskFull(failure.description)
      case .room(let need): return wait(id, for: need.map { .room($0) }, failure.description)
      case .equal(let hash): return wait(id, for: .equal(hash), failure.description)
      case .machine, .content: return .machineFailed(failure.description)
      }
    }
    // That it was cancelled is said when it is settled.
    if outcome == .cancelled {
      observer.stopped(run)
    } else {
      observer.ended(run.name, outcome.status, problem: outcome.problem)
    }
    return Self.jobOutcome(outcome)
  }

  /// Says once of an experiment, and of each config of it, what its ended runs were trained on.
  private func sayWhatHasChanged(_ placed: PlacedExperiment, _ run: PlacedRun) {
    let isNew = looked.withLock { looked in
      if looked.count > Self.mostLookedAt { looked = [:] }
      return looked.updateValue(run.configHash, forKey: placed.name) != run.configHash
    }
    guard isNew,
      let dataset = try? environment.datasets.dataset(run.plan.dataset, configFolder: run.configFolder),
      let notice = placed.changes(since: dataset.sha256, of: run.plan.dataset, environment.files)
    else { return }
    observer.say(notice, isProblem: false)
  }

  /// - Parameter lack: nil where nobody can tell when it is there.
  private func wait(_ id: JobID, for lack: Lack?, _ text: String) -> JobOutcome {
    lacking.withLock { $0[id] = lack }
    var isOfAnotherJob = false
    if case .equal = lack { isOfAnotherJob = true }
    return .noRoom(Shortage(text, isCounted: lack != nil, isOfAnotherJob: isOfAnotherJob))
  }

  func takeRoom(for id: JobID) -> String? {
    guard let lack = lacking.withLock({ $0.removeValue(forKey: id) }) else { return nil }
    let need: RunNeed
    switch lack {
    case .room(let room): need = room
    case .equal(let hash):
      guard let other = environment.reuse?.trainee(hash) else { return nil }
      lacking.withLock { $0[id] = lack }
      return "\(other), which trains the same run, to end"
    }
    do throws(Reservations.Refusal) {
      try environment.reservations.reserve(need, for: "\(id)")
      return nil
    } catch {
      // What can never be had the execution says.
      if error.isForGood { return nil }
      lacking.withLock { $0[id] = lack }
      return error.description
    }
  }

  func returnRoom(of id: JobID) { environment.reservations.release("\(id)") }

  private static func jobOutcome(_ outcome: RunOutcome) -> JobOutcome {
    switch outcome {
    case .completed: .ended(JobEnd(.completed))
    case .diverged(let problem): .ended(JobEnd(.diverged, problem: problem))
    case .paused, .interrupted, .cancelled: .stopped
    case .failed(let failure): .ended(JobEnd(.failed, problem: failure.description))
    }
  }

  func recordedEnd(of id: JobID, of submission: Submission) -> JobEnd? {
    // Most have not ended, and an experiment is only then worth being read.
    guard let record = try? RunRecord(reading: folder(of: id).recordFile, in: environment.files),
      record.status == .completed || record.status == .diverged
    else { return nil }
    guard let placed = try? experiment(submission), let end = placed.run(id.job).flatMap({ recordedEnd($0) })
    else { return nil }
    reportWasLeft(placed)
    return end
  }

  /// Whoever trained a run to its end may not have lived to write the rest.
  private func reportWasLeft(_ placed: PlacedExperiment) {
    reports.update(ExperimentReport(placed, in: environment.files))
  }

  /// How the run has ended already, by its own record: the process may have died between the run's end and the queue's
  /// hearing of it, or another one may have trained it.
  ///
  /// A record that says nothing is put aside, and the run goes on from what else there is.
  func recordedEnd(_ run: PlacedRun) -> JobEnd? {
    let (path, files) = (run.folder.recordFile, environment.files)
    guard files.exists(path) else { return nil }
    do {
      let record = try RunRecord(reading: path, in: files)
      guard run.hasEnded(record, in: files) else { return nil }
      // Whoever trained it may not have lived to say so.
      environment.reuse?.found(record)
      return JobEnd(record.status == .completed ? .completed : .diverged, problem: record.error)
    } catch {
      observer.say("\(error)", isProblem: false)
      if error is FileContentError { putAside(path) }
      return nil
    }
  }

  /// Keeps an unreadable record under another name, and says so.
  private func putAside(_ path: String) {
    guard let newPath = try? DamagedFile.putAside(path, in: environment.files) else { return }
    observer.say(
      "\(path): kept as \(newPath); the run goes on from its checkpoint, or begins again", isProblem: false)
  }

  func askToStop(_ id: JobID, _ reason: StopReason) {
    let request: RunControl.Request =
      switch reason {
      case .pause: .pause
      case .cancel: .cancel
      case .shutdown: atShutdown
      }
    controls.withLock { $0[id] }?.request = request
  }

  func progress(of id: JobID) -> Int? {
    folder(of: id).checkpoints(in: environment.files).newestStep
  }

  func reset(_ id: JobID) throws {
    let (folder, files) = (folder(of: id), environment.files)
    guard files.exists(folder.path) else { return }
    // The record first: without it and the checkpoints the run begins again and cuts what is left of the others.
    if files.exists(folder.recordFile) { try files.remove(folder.recordFile) }
    try folder.checkpoints(in: files).removeAll()
    for path in [folder.modelFile, folder.curveFile, folder.stepsFile, folder.timingFile]
    where files.exists(path) { try files.remove(path) }
  }

  func settle(_ id: JobID, of submission: Submission, _ end: JobEnd) {
    let status = RunStatus(end.kind)
    _ = lacking.withLock { $0.removeValue(forKey: id) }
    observer.ended("\(id)", status, problem: end.problem)
    let (path, files) = (folder(of: id).recordFile, environment.files)
    guard files.exists(path), var record = try? RunRecord(reading: path, in: files) else { return }
    record.end(status, problem: end.problem)
    do {
      try record.write(to: path, in: files)
      reports.update(ExperimentReport(try experiment(submission), in: files))
    } catch {
      observer.say("\(id): \(error)", isProblem: true)
    }
  }

  private func folder(of id: JobID) -> RunFolder { results.experiment(id.submission).run(id.job) }
}

/// Keeps nothing: the queue of a process in the foreground lasts no longer than the process.
struct VolatileStore: RecordStore {
  var needsSnapshot: Bool { false }
  func append(_ records: [[UInt8]]) {}
  func compact(_ records: [[UInt8]]) {}
  var length: Int { 0 }
}
