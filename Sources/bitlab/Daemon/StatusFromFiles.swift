import Experiments
import Files
import Scheduler

/// What `status` says when no daemon runs: from the journal, which is only read, and the runs' records.
struct StatusFromFiles {
  let results: ResultsFolder
  let files: any FileSystem
  /// Who owns the folder without answering for it: a `run`, or a daemon that starts or ends.
  private let holder: FileLock.Holder?
  /// Set where journal and lock are another user's: then the runs' records are all that can be read.
  private let foreign: ForeignFolder?

  init(results: ResultsFolder, files: any FileSystem) {
    self.results = results
    self.files = files
    holder = FileLock.holder(of: results.lockFile)
    foreign = ForeignFolder(results)
  }

  /// Every run that the journal or a results folder knows.
  ///
  /// - Parameter sayProblem: is told of each config that cannot be read. Of its experiment the runs' records are all there is.
  func entries(sayProblem: (String) -> Void = { _ in }) throws -> [StatusEntry] {
    let state = try journaled()
    var entries: [StatusEntry] = []
    var seen: Set<JobID> = []
    for name in try results.experimentNames(in: files) {
      let placed: PlacedExperiment
      do {
        guard let read = try PlacedExperiment(reading: name, in: results, files) else { continue }
        placed = read
      } catch {
        sayProblem("\(name): \(error)")
        for id in recorded(name) {
          seen.insert(id)
          entries.append(entry(id, nil, "", nil, state))
        }
        continue
      }
      for run in placed.runs {
        let id = JobID(submission: name, job: run.plan.id)
        seen.insert(id)
        entries.append(entry(id, JobDescription(run.plan), run.configHash, run, state))
      }
    }
    for submission in state.submissions.values.sorted(by: { $0.name < $1.name }) {
      for job in submission.jobs {
        let id = JobID(submission: submission.name, job: job.name)
        if !seen.contains(id) { entries.append(entry(id, job, submission.configHash, nil, state)) }
      }
    }
    return entries
  }

  /// The runs of an experiment that have a record.
  private func recorded(_ name: String) -> [JobID] {
    let folder = results.experiment(name)
    return ((try? files.list(folder.runsFolder)) ?? []).filter { files.exists(folder.run($0).recordFile) }
      .map { JobID(submission: name, job: $0) }
  }

  private func entry(
    _ id: JobID, _ description: JobDescription?, _ hash: String, _ run: PlacedRun?, _ state: QueueState
  ) -> StatusEntry {
    let path = results.experiment(id.submission).run(id.job).recordFile
    let record = try? RunRecord(reading: path, in: files)
    // Whether it still runs cannot be known.
    if let record, foreign != nil { return StatusEntry(record) }
    // A process that holds the folder and has no socket is a `run`, of which the journal knows nothing.
    if let record, record.status == .running, holder?.heldWhenWritten(path) == true {
      return StatusEntry(record)
    }
    let job = state.jobs[id]
    // The record of a run that was restarted is that of the attempt before.
    var entry =
      (job?.status.start == .fromNothing ? nil : record).map { StatusEntry($0) }
      ?? StatusEntry(id, description, configHash: hash)
    if let run, entry.record.settings == nil { entry.record.describe(run.plan) }
    if let job, !(run?.hasEnded(entry.record, in: files) ?? false) {
      entry.record.status = RunStatus(job.status)
      if case .ended(let end) = job.status {
        entry.record.error = entry.record.error ?? end.problem
      } else {
        entry.record.error = job.problem
      }
    }
    // Whoever ran it is dead.
    if entry.record.status == .running { entry.record.status = .queued }
    entry.waitingFor = waitingFor(entry.record.status, job)
    return entry
  }

  /// The fingerprints of the experiments in the journal, by name.
  func accepted() throws -> [String: String] { try journaled().submissions.mapValues(\.fingerprint) }

  private func waitingFor(_ status: RunStatus, _ job: JobEntry?) -> String? {
    if status.hasEnded || status == .paused && job != nil { return nil }
    if foreign != nil { return "its turn, or a daemon: only the folder's owner can know" }
    if let holder {
      return "\(Self.name(holder)), which has the results folder, to run it or to end"
    }
    return job == nil ? "its config to be run or submitted again" : "a daemon to run it"
  }

  private static func name(_ holder: FileLock.Holder) -> String {
    holder.pid.map { "process \($0)" } ?? "another process"
  }

  /// Where all this comes from.
  var source: String {
    if let foreign { return foreign.source }
    let other = holder.map { ", but \(Self.name($0)) has the results folder" }
    return "no daemon runs\(other ?? ""); this is from the files"
  }

  /// What the journal adds up to.
  func journaled() throws -> QueueState {
    guard files.exists(results.journalFile) else { return QueueState() }
    let records = try Journal.records(in: try files.readAll(results.journalFile), path: results.journalFile)
    return QueueState(replaying: records)
  }
}
