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
  let reports: ReportKeeper
  private let results: ResultsFolder
  private let files: any FileSystem
  private let observer: DaemonObserver
  private let experiment: @Sendable (Submission) throws -> PlacedExperiment
  /// Records of runs that have ended, which do not change any more.
  private let ended = Mutex<[JobID: EndedRun]>([:])

  private struct EndedRun {
    var record: RunRecord
    /// Of the job when it ended: another one is another attempt.
    var sequence: Int
  }

  /// One submission is judged at a time.
  private let intake = Mutex(())

  init(
    engine: Engine, log: DaemonLog, results: ResultsFolder, files: any FileSystem, observer: DaemonObserver,
    reports: ReportKeeper, experiment: @escaping @Sendable (Submission) throws -> PlacedExperiment
  ) {
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
      if let known, known.status == status || known.hasGotToItsEnd(submission.configHash) { continue }
      let found = try placed ?? experiment(submission)
      placed = found
      guard let run = found.run(job.name) else { continue }
      var record = known ?? RunRecord(run, network: nil)
      record.status = status
      record.error = end.problem
      record.ended = RunRecord.timestamp(Date())
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
  }

  /// Judges configs and submits the good ones, all with one sync. Throws where the journal cannot be written: then none
  /// is accepted.
  func submit(_ configs: [ConfigurationFile]) throws -> [Receipt] {
    try intake.withLock { _ in
      let desk = SubmissionDesk(
        results, files: files, find: { [engine] in engine.submission(named: $0) },
        canTake: { [engine] in engine.canTake($0) })
      let read = SubmissionDesk.read(configs)
      var submissions: [Submission] = []
      var receipts: [Receipt] = []
      for config in read {
        switch desk.judge(config) {
        case .new(let submission, let note):
          submissions.append(submission)
          let runs = submission.jobs.count
          receipts.append(
            Receipt(
              outcome: .accepted, experiment: submission.name, runs: runs,
              text: note ?? "\(submission.name): accepted, \(Self.runs(runs))"))
        case .known(let name):
          let continued = submissions.contains { $0.name == name } ? [] : try engine.continueEnded(name)
          let what =
            continued.isEmpty
            ? "nothing to do again"
            : Self.runs(continued.count) + (continued.count == 1 ? " goes on" : " go on")
          receipts.append(
            Receipt(outcome: .known, experiment: name, text: "\(name): the same experiment is known; \(what)")
          )
        case .refused(let problems):
          // A config may have more that is wrong than a response holds.
          let text = problems.inMessage(upTo: Self.longestRefusal, keepsLines: true)
          receipts.append(Receipt(outcome: .refused, text: text))
        }
      }
      try engine.submit(submissions)
      for receipt in receipts where receipt.outcome != .refused { log.write(receipt.text) }
      return receipts
    }
  }

  /// Bytes.
  private static let longestRefusal = 1 << 16

  private static func runs(_ count: Int) -> String { count == 1 ? "1 run" : "\(count) runs" }

  // MARK: - Status

  /// The runs of the given jobs, of all for nil, in the order of submission, each made when it is asked for: there may be
  /// thousands.
  func runs(_ wanted: Set<JobID>? = nil) -> AnyIterator<StatusEntry> {
    let report = engine.report()
    let jobs = report.jobs(among: wanted)
    let waiting = Self.waiting(jobs, report)
    var descriptions: [String: [String: JobDescription]] = [:]
    func description(_ id: JobID, _ submission: Submission?) -> JobDescription? {
      guard let submission else { return nil }
      if submission.jobs.count == 1 { return submission.jobs[0] }
      if descriptions[submission.name] == nil {
        descriptions[submission.name] = Dictionary(submission.jobs.map { ($0.name, $0) }) { first, _ in first
        }
      }
      return descriptions[submission.name]?[id.job]
    }
    var rest = jobs.makeIterator()
    return AnyIterator { [self] in
      guard let (id, entry) = rest.next() else { return nil }
      let submission = report.state.submissions[id.submission]
      var run = self.entry(id, entry, description(id, submission), submission?.configHash ?? "")
      run.waitingFor = waiting[id]
      return run
    }
  }

  /// The same with what a table shows.
  func rows(_ wanted: Set<JobID>? = nil) -> AnyIterator<StatusRow> {
    let report = engine.report()
    let jobs = report.jobs(among: wanted)
    let waiting = Self.waiting(jobs, report)
    var rest = jobs.makeIterator()
    return AnyIterator { [self] in
      guard let (id, entry) = rest.next() else { return nil }
      guard entry.hasBegun, !entry.beginsFromNothing else {
        return StatusRow(id, entry.status, remark: waiting[id] ?? entry.problem)
      }
      var run = self.entry(id, entry, nil, "")
      run.waitingFor = waiting[id]
      return StatusRow(run)
    }
  }

  /// Putting the waiting runs in order is work, and most who ask want to know of others.
  private static func waiting(_ jobs: [(id: JobID, entry: JobEntry)], _ report: QueueReport) -> [JobID:
    String]
  {
    jobs.contains { $0.entry.status == .queued } ? report.waiting : [:]
  }

  private func entry(_ id: JobID, _ entry: JobEntry, _ job: JobDescription?, _ hash: String) -> StatusEntry {
    var line = record(id, entry).map { StatusEntry($0) } ?? StatusEntry(id, job, configHash: hash)
    line.record.status = RunStatus(rawValue: entry.status.name) ?? line.record.status
    if case .ended(let end) = entry.status {
      line.record.error = line.record.error ?? end.problem
    } else {
      line.record.error = entry.problem
    }
    if let progress = observer.progress(of: id) {
      line.record.epoch = progress.epoch
      line.record.step = progress.step
      line.imagesPerSecond = progress.imagesPerSecond
      line.totalSteps = progress.totalSteps
    }
    return line
  }

  private func record(_ id: JobID, _ entry: JobEntry) -> RunRecord? {
    if entry.status.hasEnded, let known = ended.withLock({ $0[id] }), known.sequence == entry.sequence {
      return known.record
    }
    let path = results.experiment(id.submission).run(id.job).recordFile
    // Looking for the records of thousands of runs that wait would take its time.
    guard entry.hasBegun || entry.status.hasEnded else { return nil }
    guard let record = try? RunRecord(reading: path, in: files) else { return nil }
    ended.withLock {
      $0[id] = entry.status.hasEnded ? EndedRun(record: record, sequence: entry.sequence) : nil
    }
    return record
  }

  /// Bytes: two names of folders, and a slash.
  private static let longestName = 2 * 255 + 1

  /// The jobs that words on the command line mean: `experiment` or `experiment/run`.
  ///
  /// Throws for a word that means none, with the nearest that does.
  func resolve(_ words: [String]) throws(UnknownTarget) -> Set<JobID> {
    // Even to look up a word of megabytes takes its time.
    if let word = words.first(where: { $0.utf8.count > Self.longestName }) {
      throw UnknownTarget(word, among: [])
    }
    let state = engine.report().state
    var ids: Set<JobID> = []
    // Each once: a request has room for a million words.
    for word in Set(words) {
      if let submission = state.submissions[word] {
        ids.formUnion(submission.jobIDs)
        continue
      }
      let parts = word.split(separator: "/", maxSplits: 1).map(String.init)
      guard parts.count == 2, state.jobs[JobID(submission: parts[0], job: parts[1])] != nil else {
        throw UnknownTarget(
          word, among: state.submissions.keys.sorted() + state.jobs.keys.map(\.description).sorted())
      }
      ids.insert(JobID(submission: parts[0], job: parts[1]))
    }
    return ids
  }
}
