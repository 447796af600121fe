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
  let files: any FileSystem
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

    /// The same experiment was there; so many of its runs go on.
    static func known(_ name: String, continuing count: Int) -> Receipt {
      let what =
        count == 0 ? "nothing to do again" : runs(count) + (count == 1 ? " goes on" : " go on")
      return Receipt(
        outcome: .known, experiment: name, text: "\(name): the same experiment is known; \(what)")
    }

    static func runs(_ count: Int) -> String { count == 1 ? "1 run" : "\(count) runs" }
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
      var continued: [Submission] = []
      var receipts: [Receipt] = []
      for config in read {
        switch desk.judge(config) {
        case .new(let submission, let note):
          submissions.append(submission)
          let runs = submission.jobs.count
          receipts.append(
            Receipt(
              outcome: .accepted, experiment: submission.name, runs: runs,
              text: note ?? "\(submission.name): accepted, \(Receipt.runs(runs))"))
        case .known(let name):
          let isOfThisBatch = (submissions + continued).contains { $0.name == name }
          let goingOn = isOfThisBatch ? [] : try engine.continueEnded(name)
          receipts.append(.known(name, continuing: goingOn.count))
        case .continued(let submission):
          continued.append(submission)
          receipts.append(.known(submission.name, continuing: submission.jobs.count))
        case .refused(let problems):
          // A config may have more that is wrong than a response holds.
          let text = problems.inMessage(upTo: Self.longestRefusal, keepsLines: true)
          receipts.append(Receipt(outcome: .refused, text: text))
        }
      }
      try engine.submit(submissions)
      try engine.queueOnceMore(continued, fromNothing: false)
      for receipt in receipts where receipt.outcome != .refused { log.write(receipt.text) }
      return receipts
    }
  }

  /// Bytes.
  private static let longestRefusal = 1 << 16

  // MARK: - Status

  /// A job to be shown: of the queue, or one that has ended and is forgotten, of which its files tell.
  private typealias Listed = (id: JobID, entry: JobEntry?)

  /// The given jobs; for nil those that have not ended, and behind which the newest that have.
  private func listed(_ wanted: Set<JobID>?, _ report: QueueReport) -> [Listed] {
    guard let wanted else {
      let recent = report.state.recentlyEnded.map(\.id)
      let forgotten = recent.filter { report.state.jobs[$0] == nil }
      let shown = Set(recent)
      let known = report.jobs(among: nil).filter { !$0.entry.status.hasEnded || shown.contains($0.id) }
      return forgotten.map { ($0, nil) } + known.map { ($0.id, $0.entry) }
    }
    let known = report.jobs(among: wanted)
    let forgotten =
      known.count == wanted.count
      ? [] : wanted.filter { report.state.jobs[$0] == nil }.sorted { $0.description < $1.description }
    return forgotten.map { ($0, nil) } + known.map { ($0.id, $0.entry) }
  }

  /// The runs of the given jobs, for nil of those that have not ended and the newest that have, each made when it is asked
  /// for: there may be thousands.
  func runs(_ wanted: Set<JobID>? = nil) -> AnyIterator<StatusEntry> {
    let report = engine.report()
    let jobs = listed(wanted, report)
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
      guard let entry else { return forgotten(id, report.state) }
      let submission = report.state.submissions[id.submission]
      var run = self.entry(id, entry, description(id, submission), submission?.configHash ?? "")
      run.waitingFor = waiting[id]
      return run
    }
  }

  /// The same with what a table shows.
  func rows(_ wanted: Set<JobID>? = nil) -> AnyIterator<StatusRow> {
    let report = engine.report()
    let jobs = listed(wanted, report)
    let waiting = Self.waiting(jobs, report)
    var rest = jobs.makeIterator()
    return AnyIterator { [self] in
      guard let (id, entry) = rest.next() else { return nil }
      guard let entry else { return StatusRow(forgotten(id, report.state)) }
      guard entry.hasBegun, !entry.beginsFromNothing else {
        return StatusRow(id, entry.status, remark: waiting[id] ?? entry.problem)
      }
      var run = self.entry(id, entry, nil, "")
      run.waitingFor = waiting[id]
      return StatusRow(run)
    }
  }

  /// A run that the queue does not know any more, as its own record says.
  private func forgotten(_ id: JobID, _ state: QueueState) -> StatusEntry {
    guard let record = record(of: id) else {
      var entry = StatusEntry(id, nil, configHash: "")
      if case .ended(let end) = state.status(of: id) {
        entry.record.status = RunStatus(end.kind)
        entry.record.error = end.problem
      }
      return entry
    }
    var entry = StatusEntry(record)
    if !record.status.hasEnded {
      // Of a `bitlab run` that was stopped.
      if record.status == .running { entry.record.status = .queued }
      entry.waitingFor = "its config to be run or submitted again"
    }
    return entry
  }

  /// Putting the waiting runs in order is work, and most who ask want to know of others.
  private static func waiting(_ jobs: [Listed], _ report: QueueReport) -> [JobID: String] {
    jobs.contains { $0.entry?.status == .queued } ? report.waiting : [:]
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
    // Looking for the records of thousands of runs that wait would take its time.
    guard entry.hasBegun || entry.status.hasEnded else { return nil }
    guard let record = record(of: id) else { return nil }
    ended.withLock { ended in
      // Those of forgotten experiments go by and by.
      if ended.count > Self.mostKeptRecords { ended = [:] }
      ended[id] = entry.status.hasEnded ? EndedRun(record: record, sequence: entry.sequence) : nil
    }
    return record
  }

  /// What a run's own record says, if there is one.
  private func record(of id: JobID) -> RunRecord? {
    let path = results.experiment(id.submission).run(id.job).recordFile
    return try? RunRecord(reading: path, in: files)
  }

  private static let mostKeptRecords = 10_000

  // MARK: - Names

  /// Bytes: two names of folders, and a slash.
  private static let longestName = 2 * 255 + 1

  /// The jobs that words on the command line mean: `experiment` or `experiment/run`, of the queue or of the results folder.
  ///
  /// Throws for a word that means none, with the nearest that does.
  func resolve(_ words: [String]) throws(UnknownTarget) -> Set<JobID> {
    // Even to look up a word of megabytes takes its time.
    if let word = words.first(where: { $0.utf8.count > Self.longestName }) {
      throw UnknownTarget(word, among: [])
    }
    let state = engine.report().state
    var ids: Set<JobID> = []
    var experiments: [String: Set<JobID>] = [:]
    // Each once: a request has room for a million words.
    for word in Set(words) {
      let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let all = experiments[parts[0]] ?? jobs(of: parts[0], state)
      experiments[parts[0]] = all
      if parts.count == 1, !all.isEmpty {
        ids.formUnion(all)
      } else if parts.count == 2, all.contains(JobID(submission: parts[0], job: parts[1])) {
        ids.insert(JobID(submission: parts[0], job: parts[1]))
      } else {
        throw UnknownTarget(word, among: names(near: all, state))
      }
    }
    return ids
  }

  /// What a word that means nothing may have been meant to be: an experiment, a run of the queue, or one of these.
  private func names(near jobs: Set<JobID>, _ state: QueueState) -> [String] {
    state.submissions.keys.sorted() + ((try? results.experimentNames(in: files)) ?? [])
      + (jobs.isEmpty ? Array(state.jobs.keys) : Array(jobs)).map(\.description).sorted()
  }

  /// All jobs that there are: of the queue, and of the experiments in the results folder.
  func everyJob() -> Set<JobID> {
    let state = engine.report().state
    let names = (try? results.experimentNames(in: files)) ?? []
    return names.reduce(into: Set(state.jobs.keys)) { $0.formUnion(jobs(of: $1, state)) }
  }

  private func jobs(of name: String, _ state: QueueState) -> Set<JobID> {
    var ids = Set(state.submissions[name]?.jobIDs ?? [])
    if ExperimentFolder.isName(name), let experiment = forgottenExperiment(name) {
      ids.formUnion(experiment.runs.map { JobID(submission: name, job: $0.plan.id) })
    }
    return ids
  }

  /// An experiment as its folder has it; nil where there is none that can be read.
  private func forgottenExperiment(_ name: String) -> PlacedExperiment? {
    let folder = results.experiment(name)
    guard files.exists(folder.configFile), let bytes = try? files.readAll(folder.configFile),
      let experiment = try? Experiment(bytes: bytes, path: folder.configFile)
    else { return nil }
    let origin = try? files.readText(folder.originFile).split(separator: "\n").first.map(String.init)
    return PlacedExperiment(experiment, name: name, folder: folder, configFolder: origin ?? "")
  }

  // MARK: - Steering

  /// What became of a request for one run.
  struct Answer: Sendable {
    var id: JobID
    var text: String
    var isEffective: Bool
  }

  /// Does what a person asked for to some runs, also to those that the queue has forgotten; says of each what became of it.
  func command(_ command: QueueCommand, _ ids: [JobID]) throws -> [Answer] {
    let state = engine.report().state
    let known = ids.filter { state.jobs[$0] != nil }
    var answers: [JobID: Answer] = [:]
    for answer in try engine.command(command, known) {
      answers[answer.id] = Answer(id: answer.id, text: answer.text, isEffective: answer.isEffective)
    }
    var restarted: [String: [JobID]] = [:]
    for id in ids where answers[id] == nil {
      if command == .restart, record(of: id)?.status.hasEnded ?? true {
        restarted[id.submission, default: []].append(id)
      } else {
        answers[id] = answerForgotten(id, state)
      }
    }
    for (name, ids) in restarted.sorted(by: { $0.key < $1.key }) {
      for answer in try restartForgotten(name, ids) { answers[answer.id] = answer }
    }
    return ids.compactMap { answers[$0] }
  }

  private func answerForgotten(_ id: JobID, _ state: QueueState) -> Answer {
    let status = forgotten(id, state).record.status
    let text =
      status.hasEnded ? "has already ended: \(status.rawValue)" : "is not in the queue: submit its config"
    return Answer(id: id, text: text, isEffective: false)
  }

  /// Queues runs of a forgotten experiment once more, from nothing, where its config is still the one that they were trained
  /// by.
  private func restartForgotten(_ name: String, _ ids: [JobID]) throws -> [Answer] {
    let folder = results.experiment(name)
    guard let placed = forgottenExperiment(name), let config = try? files.readText(folder.configFile) else {
      return ids.map {
        Answer(id: $0, text: "\(folder.configFile) is not there or cannot be read", isEffective: false)
      }
    }
    let changed = Set(
      ids.filter { id in record(of: id).map { $0.configHash != placed.experiment.configHash } ?? false })
    let begun = Set(ids.map(\.job)).subtracting(changed.map(\.job))
    let submission = placed.submission(config: config, configFolder: placed.configFolder) {
      begun.contains($0.plan.id)
    }
    if let problem = SubmissionDesk.sizeProblem(submission) {
      return ids.map { Answer(id: $0, text: problem, isEffective: false) }
    }
    if !submission.jobs.isEmpty { try engine.queueOnceMore([submission], fromNothing: true) }
    return ids.map { id in
      changed.contains(id)
        ? Answer(
          id: id,
          text:
            "\(folder.configFile) has been changed since the run was trained: put it back as it was, or submit it under another name",
          isEffective: false)
        : Answer(id: id, text: "begins again", isEffective: true)
    }
  }
}

extension RunStatus {
  /// How the queue says that a job ended.
  init(_ kind: JobEnd.Kind) {
    self =
      switch kind {
      case .completed: .completed
      case .failed: .failed
      case .diverged: .diverged
      case .cancelled: .cancelled
      }
  }
}
