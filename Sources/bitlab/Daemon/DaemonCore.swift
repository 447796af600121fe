import Experiments
import Files
import Foundation
import Scheduler
import Synchronization

/// The daemon's parts together: what the watched folder and the control socket ask of it.
final class DaemonCore: Sendable {
  typealias Engine = QueueEngine<TrainingExecutor>

  let engine: Engine
  let log: DaemonLog
  let reports: ReportWriter
  let results: ResultsFolder
  let files: any FileSystem
  let observer: DaemonObserver
  /// Whether runs take over what equal ones have done.
  private let reuses: Bool
  private let experiment: @Sendable (Submission) throws -> PlacedExperiment
  /// Told of an experiment that is accepted, as it was read.
  private let accepted: @Sendable (PlacedExperiment, Submission) -> Void
  /// Records of runs that have ended, which do not change any more.
  let ended = Mutex<[JobID: EndedRun]>([:])

  struct EndedRun {
    var record: RunRecord
    /// Of the job when it ended: another one is another attempt.
    var sequence: Int
  }

  /// One submission is judged at a time, and none while an experiment is removed.
  let intake = Mutex(())

  init(
    engine: Engine, log: DaemonLog, results: ResultsFolder, files: any FileSystem, observer: DaemonObserver,
    reports: ReportWriter, reuses: Bool,
    experiment: @escaping @Sendable (Submission) throws -> PlacedExperiment,
    accepted: @escaping @Sendable (PlacedExperiment, Submission) -> Void
  ) {
    self.reuses = reuses
    self.accepted = accepted
    self.experiment = experiment
    self.engine = engine
    self.log = log
    self.results = results
    self.files = files
    self.observer = observer
    self.reports = reports
  }

  /// What the runs of a submission add up to.
  func report(of submission: Submission) throws -> ExperimentReport {
    ExperimentReport(try experiment(submission), in: files)
  }

  /// Gives runs that were cancelled or failed a record that says so, where they have none, since they never began, or one
  /// that could not be written when they ended. What has completed all the same stays so. Returns whether there were any.
  func writeEndRecords(_ submission: Submission, _ ends: [JobEnd]) throws -> Bool {
    var placed: PlacedExperiment?
    for (job, end) in zip(submission.jobs, ends) where end.kind == .cancelled || end.kind == .failed {
      let folder = results.experiment(submission.name).run(job.name)
      let status: RunStatus = end.kind == .cancelled ? .cancelled : .failed
      var known: RunRecord?
      if files.exists(folder.recordFile) {
        do {
          known = try RunRecord(reading: folder.recordFile, in: files)
        } catch let error as FileContentError {
          // Nothing unreadable is overwritten.
          log.write("\(error)")
          continue
        }
      }
      // A `run` may have trained it to its end since.
      if let known, known.status == status { continue }
      let found = try placed ?? experiment(submission)
      placed = found
      guard let run = found.run(job.name), known.map({ !run.hasEnded($0, in: files) }) ?? true else {
        continue
      }
      var record = known ?? RunRecord(run, network: nil)
      record.end(status, problem: end.problem)
      try folder.create(in: files)
      try record.write(to: folder.recordFile, in: files)
    }
    return placed != nil
  }

  // MARK: - Submitting

  /// What became of a config.
  struct Receipt: Sendable {
    enum Outcome: String, Sendable {
      case accepted, known, refused
    }

    var outcome: Outcome
    /// The experiment's name; empty where there is none.
    var experiment = ""
    var runs = 0
    var text: String

    /// The same experiment was there; so many of its runs go on.
    static func known(_ name: String, continuing count: Int) -> Receipt {
      let what =
        count == 0 ? "nothing to do again" : runs(count) + (count == 1 ? " goes on" : " go on")
      return Receipt(
        outcome: .known, experiment: name, text: "\(name): the same experiment is known; \(what)")
    }

    static func runs(_ count: Int) -> String { count == 1 ? "1 run" : "\(count) runs" }
  }

  /// Judges configs and submits the good ones, with one sync where no two have the same name. Throws where the journal cannot
  /// be written: then none of those that are left is accepted.
  ///
  /// - Parameters:
  ///   - reuses: whether runs may take over what equal ones have done.
  ///   - only: which runs are meant, by their ids; all for none.
  func submit(_ configs: [ConfigurationFile], reuses: Bool = true, only: [Glob] = []) throws -> [Receipt] {
    try intake.withLock { _ in
      var rest = Admission.read(configs)[...]
      var receipts: [Receipt] = []
      while !rest.isEmpty { receipts += try submit(&rest, reuses, only) }
      for receipt in receipts where receipt.outcome != .refused { log.write(receipt.text) }
      return receipts
    }
  }

  /// Submits the first configs, up to one that has the name of one before it.
  private func submit(
    _ rest: inout ArraySlice<Admission.Read>, _ reuses: Bool, _ only: [Glob]
  ) throws -> [Receipt] {
    let admission = Admission(
      results, files: files, reuses: reuses && self.reuses, only: only,
      find: { [engine] in engine.submission(named: $0) },
      canTake: { [engine] in engine.canTake($0) })
    var submissions: [Submission] = []
    var continued: [Submission] = []
    var receipts: [Receipt] = []
    judging: while let config = rest.first {
      switch admission.judge(config) {
      case .new(let submission, let placed, let note):
        submissions.append(submission)
        accepted(placed, submission)
        let runs = submission.jobs.count
        receipts.append(
          Receipt(
            outcome: .accepted, experiment: submission.name, runs: runs,
            text: note ?? "\(submission.name): accepted, \(Receipt.runs(runs))"))
      case .known(let name, let wanted):
        let isOfThisBatch = (submissions + continued).contains { $0.name == name }
        let goingOn = isOfThisBatch ? [] : try engine.continueEnded(name, wanted)
        receipts.append(.known(name, continuing: goingOn.count))
      case .continued(let submission):
        continued.append(submission)
        receipts.append(.known(submission.name, continuing: submission.jobs.count))
      case .grown(let submission, let placed, let continuation):
        receipts.append(try grow(submission, placed, continuation))
      case .refused(let problems):
        // A config may have more that is wrong than a response holds.
        let text = problems.inMessage(upTo: Self.longestRefusal, keepsLines: true)
        receipts.append(Receipt(outcome: .refused, text: text))
      case .later: break judging
      }
      rest.removeFirst()
    }
    try engine.submit(submissions)
    try engine.queueOnceMore(continued, fromNothing: false)
    return receipts
  }

  /// Lets an experiment go on with another config: in the queue first, then in its folder.
  private func grow(
    _ submission: Submission, _ placed: PlacedExperiment, _ continuation: ExperimentPlacement.Continuation
  ) throws -> Receipt {
    var growth = Engine.Growth()
    if engine.submission(named: submission.name) != nil {
      growth = try engine.grow(submission, wanted: Set(placed.runs.map(\.plan.id)))
    } else if !submission.jobs.isEmpty {
      try engine.queueOnceMore([submission], fromNothing: false)
      growth.queued = submission.jobIDs
    }
    do {
      reports.update(try report(of: submission))
    } catch let error as FileError where engine.submission(named: submission.name) == nil {
      // Nothing else would ever write the config.
      throw error
    } catch {
      // It is done when a run of it begins, or when its end is concluded.
      log.write("\(submission.name): \(error)")
    }
    return Receipt(
      outcome: .accepted, experiment: submission.name, runs: growth.queued.count,
      text: continuation.note(
        submission.name, queued: growth.queued.count, cancelled: growth.cancelled.map(\.job)))
  }

  /// Bytes.
  private static let longestRefusal = 1 << 16
}
