import Experiments
import Files
import Scheduler

/// What `status` says when no daemon runs: from the journal, which is only read, and the runs' records.
struct StatusFromFiles {
  let results: ResultsFolder
  let files: any FileSystem

  /// Every run that the journal or a results folder knows.
  func entries() throws -> [StatusEntry] {
    let state = try journaled()
    var entries: [StatusEntry] = []
    var seen: Set<JobID> = []
    for name in try results.experimentNames(in: files) {
      let folder = results.experiment(name)
      guard let bytes = try? files.readAll(folder.configFile),
        let experiment = try? Experiment(bytes: bytes, path: folder.configFile)
      else { continue }
      for run in Plan(experiment).runs {
        let id = JobID(submission: name, job: run.id)
        seen.insert(id)
        entries.append(entry(id, JobDescription(run), experiment.configHash, state))
      }
    }
    for submission in state.submissions.values.sorted(by: { $0.name < $1.name }) {
      for job in submission.jobs {
        let id = JobID(submission: submission.name, job: job.name)
        if !seen.contains(id) { entries.append(entry(id, job, submission.configHash, state)) }
      }
    }
    return entries
  }

  private func entry(
    _ id: JobID, _ job: JobDescription, _ hash: String, _ state: QueueState
  ) -> StatusEntry {
    let path = results.experiment(id.submission).run(id.job).recordFile
    var entry =
      (try? RunRecord(reading: path, in: files)).map { StatusEntry($0) }
      ?? StatusEntry(id, job, configHash: hash)
    // A run may have got to its own end without the queue's hearing of it; of all else the queue knows more.
    if let job = state.jobs[id], ![.completed, .diverged].contains(entry.record.status) {
      entry.record.status = RunStatus(rawValue: job.status.name) ?? entry.record.status
      // What the journal last heard of as running does not run now: nobody holds the folder.
      if job.status == .running { entry.record.status = .queued }
    }
    if !entry.record.status.hasEnded, entry.record.status != .paused {
      entry.waitingFor = "a daemon to run it"
    }
    return entry
  }

  /// The fingerprints of the experiments in the journal, by name.
  func accepted() throws -> [String: String] { try journaled().submissions.mapValues(\.fingerprint) }

  private func journaled() throws -> QueueState {
    guard files.exists(results.journalFile) else { return QueueState() }
    let records = try Journal.records(in: try files.readAll(results.journalFile), path: results.journalFile)
    return JournalStore.state(records) { _ in }.state
  }
}
