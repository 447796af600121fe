import Experiments
import Files
import Scheduler

// What the daemon shows of its runs.
extension DaemonCore {
  /// A job to be shown: of the queue, or one that has ended and is forgotten, of which its files tell.
  private typealias Listed = (id: JobID, entry: JobEntry?)

  /// The given jobs; for nil those that have not ended, and the newest that have.
  ///
  /// What runs comes first, then what waits in the order of the queue, then what has ended, the newest first.
  private func listed(_ wanted: Set<JobID>?, _ report: QueueReport) -> [Listed] {
    guard let wanted else {
      let removed = removedByHand(report.state)
      let recent = report.state.recentlyEnded.map(\.id).filter { !removed.contains($0.submission) }
        .suffix(QueueState.mostRecentlyEnded)
      let forgotten = recent.filter { report.state.jobs[$0] == nil }
      let shown = Set(recent)
      let known = report.jobs(among: nil).filter { !$0.entry.status.hasEnded || shown.contains($0.id) }
      let places = Dictionary(uniqueKeysWithValues: recent.enumerated().map { ($1, $0) })
      return Self.inOrder(forgotten.map { ($0, nil) } + known.map { ($0.id, $0.entry) }) { places[$0] ?? 0 }
    }
    let known = report.jobs(among: wanted)
    let forgotten =
      known.count == wanted.count
      ? [] : wanted.filter { report.state.jobs[$0] == nil }.sorted { $0.description < $1.description }
    return Self.inOrder(forgotten.map { ($0, nil) } + known.map { ($0.id, $0.entry) }) { _ in 0 }
  }

  /// - Parameter place: of a job that has ended among those that have, a later one's being larger.
  private static func inOrder(_ jobs: [Listed], _ place: (JobID) -> Int) -> [Listed] {
    var (running, waiting, ended): ([Listed], [Listed], [Listed]) = ([], [], [])
    for job in jobs {
      if job.entry?.status.isRunning == true {
        running.append(job)
      } else if job.entry.map(\.status.hasEnded) ?? true {
        ended.append(job)
      } else {
        waiting.append(job)
      }
    }
    let newestFirst = ended.indices.map { (place(ended[$0].id), $0) }.sorted {
      $0.0 > $1.0 || $0.0 == $1.0 && $0.1 < $1.1
    }
    return running.reversed() + waiting + newestFirst.map { ended[$0.1] }
  }

  /// Experiments that have ended and of which somebody has removed the folder; the queue forgets them. One that failed may never
  /// have had a folder.
  private func removedByHand(_ state: QueueState) -> Set<String> {
    let failed = Set(state.recentlyEnded.lazy.filter { $0.end.kind == .failed }.map(\.id.submission))
    let names = Set(state.recentlyEnded.map(\.id.submission)).subtracting(failed).filter {
      state.submissions[$0] == nil && !results.experiment($0).hasConfig
    }
    if !names.isEmpty { try? engine.remove(names.sorted()) }
    return names
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
  ///
  /// - Parameter ended: how jobs have ended for whoever waited for them: by now their folder may be another experiment's.
  func rows(_ wanted: Set<JobID>? = nil, ended: [JobID: JobEnd] = [:]) -> AnyIterator<StatusRow> {
    let report = engine.report()
    let jobs = listed(wanted, report)
    let waiting = Self.waiting(jobs, report)
    var rest = jobs.makeIterator()
    return AnyIterator { [self] in
      guard let (id, entry) = rest.next() else { return nil }
      if let end = ended[id] { return StatusRow(id, .ended(end), remark: end.problem) }
      guard let entry else { return StatusRow(forgotten(id, report.state)) }
      guard entry.hasFiles else {
        return StatusRow(id, entry.status, remark: waiting[id] ?? entry.problem)
      }
      var run = self.entry(id, entry, nil, "")
      run.waitingFor = waiting[id]
      var row = StatusRow(run)
      if let known = observer.progress(of: id) { row.add(known) }
      return row
    }
  }

  /// A run that the queue does not know any more, as its own record says.
  func forgotten(_ id: JobID, _ state: QueueState) -> StatusEntry {
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
    jobs.contains { $0.entry?.status.isQueued == true } ? report.waiting : [:]
  }

  private func entry(_ id: JobID, _ entry: JobEntry, _ job: JobDescription?, _ hash: String) -> StatusEntry {
    var line = record(id, entry).map { StatusEntry($0) } ?? StatusEntry(id, job, configHash: hash)
    line.record.status = RunStatus(entry.status)
    if case .ended(let end) = entry.status {
      line.record.error = line.record.error ?? end.problem
    } else {
      line.record.error = entry.problem
    }
    if let known = observer.progress(of: id), let progress = known.progress {
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
    guard entry.hasFiles else { return nil }
    guard let record = record(of: id) else { return nil }
    ended.withLock { ended in
      // Those of forgotten experiments go by and by.
      if ended.count > Self.mostKeptRecords { ended = [:] }
      ended[id] = entry.status.hasEnded ? EndedRun(record: record, sequence: entry.sequence) : nil
    }
    return record
  }

  /// Where a run stands, one that the queue has forgotten included; nil for one of which nobody knows.
  func status(of id: JobID, _ state: QueueState) -> RunStatus? {
    if let job = state.jobs[id] { return RunStatus(job.status) }
    // What the queue has forgotten a `bitlab run` may have brought further since.
    return record(of: id)?.status ?? state.status(of: id).map { RunStatus($0) }
  }

  /// What a run's own record says, if there is one.
  func record(of id: JobID) -> RunRecord? {
    let path = results.experiment(id.submission).run(id.job).recordFile
    return try? RunRecord(reading: path, in: files)
  }

  private static let mostKeptRecords = 10_000
}
