/// What is queued, running, paused, and what has ended lately: the scheduler's whole memory, without threads, time or files.
///
/// It changes through records alone, which are in the journal before they are applied. `accepts` decides which records fit,
/// for the engine that writes them and for the replay that reads them, so a replay gives the same state. What begins next is
/// `Dispatcher`'s to say.
///
/// A submission is forgotten when all that follows its end has been done: its jobs' own files tell the rest.
package struct QueueState: Sendable, Hashable {
  package private(set) var submissions: [String: Submission] = [:]
  package private(set) var jobs: [JobID: JobEntry] = [:]
  /// The jobs that ended last, the newest at the end, those of forgotten submissions included.
  package private(set) var recentlyEnded: [EndedJob] = []
  /// How many jobs of each submission have not ended.
  private var openCounts: [String: Int] = [:]
  private var nextSequence = 0

  /// How many ended jobs are shown.
  package static let mostRecentlyEnded = 20
  /// How many are remembered, so that there are as many to show when some of them are removed or begin again.
  package static let mostRemembered = 200

  package init() {}

  /// Takes a record in. One that does not fit the state, as after damage to the journal, changes nothing and returns
  /// false.
  @discardableResult
  package mutating func apply(_ record: QueueRecord) -> Bool {
    guard accepts(record) else { return false }
    switch record {
    case .submitted(let submission): add(submission)
    case .added(let name, let descriptions, let beginsFromNothing):
      add(descriptions, to: name, beginsFromNothing: beginsFromNothing)
    case .grown(let submission): grow(submission)
    case .placed(let name): submissions[name]!.isPlaced = true
    case .concluded(let name): submissions[name]!.isConcluded = true
    case .forgotten(let name): forget(name)
    case .removed(let name):
      forget(name)
      recentlyEnded.removeAll { $0.id.submission == name }
    case .began(let id):
      change(id) {
        $0.status = .running(isBeingCancelled: false)
        $0.waitsNoMore()
      }
    case .requeued(let id, let problem):
      change(id) {
        $0.status = .queued(.goesOn)
        $0.problem = problem
      }
    case .retried(let id, let problem):
      change(id) {
        $0.status = .queued(.goesOn)
        $0.retries += 1
        $0.problem = problem
      }
    case .paused(let id):
      change(id) {
        $0.status = .paused($0.status.start ?? .goesOn)
        $0.waitsNoMore()
      }
    case .resumed(let id): change(id) { $0.status = .queued($0.status.start ?? .goesOn) }
    case .cancelRequested(let id): change(id) { $0.status = .running(isBeingCancelled: true) }
    case .ended(let id, let end): change(id) { $0.status = .ended(end) }
    case .restarted(let id): queueOnceMore(id, .fromNothing)
    case .continued(let id): queueOnceMore(id, .onceMore)
    case .died(let id, let progress): change(id) { $0.died(progress: progress) }
    case .progressed(let id):
      change(id) {
        $0.deaths = 0
        $0.progressAtDeath = nil
      }
    case .cleared(let sequence):
      self = QueueState()
      nextSequence = sequence
    case .restored(let submission, let entries):
      submissions[submission.name] = submission
      openCounts[submission.name] = 0
      // Should the others' record be lost, they are still to be done.
      let others = (entries.count..<submission.jobs.count).map { _ in JobEntry(sequence: nextSequence) }
      restore(submission, from: 0, entries + others)
    case .standings(let name, let first, let entries): restore(submissions[name]!, from: first, entries)
    case .remembered(let jobs): recentlyEnded = Array(jobs.suffix(Self.mostRemembered))
    }
    return true
  }

  /// Whether a record says something that can happen in this state.
  package func accepts(_ record: QueueRecord) -> Bool {
    func isJob(_ id: JobID, _ isIn: (JobStatus) -> Bool) -> Bool {
      jobs[id].map { isIn($0.status) } ?? false
    }
    switch record {
    case .submitted(let submission): return canTake(submission.name)
    case .added(let name, let descriptions, _): return canAdd(descriptions, to: name)
    case .grown(let submission): return canAdd(submission.jobs, to: submission.name)
    case .placed(let name): return submissions[name] != nil
    case .concluded(let name), .forgotten(let name): return openCounts[name] == 0
    case .removed(let name): return canTake(name)
    case .began(let id): return isJob(id, \.isQueued)
    case .requeued(let id, _), .retried(let id, _), .died(let id, _), .cancelRequested(let id):
      return isJob(id, \.isRunning)
    case .paused(let id): return isJob(id) { $0.isQueued || $0.isRunning }
    case .resumed(let id): return isJob(id, \.isPaused)
    // The end that came first counts.
    case .ended(let id, _), .progressed(let id): return isJob(id) { !$0.hasEnded }
    // Where the record of a job's end was lost this one says that it had.
    case .restarted(let id), .continued(let id): return isJob(id) { _ in true }
    case .cleared, .remembered: return true
    case .restored(let submission, let entries):
      return submissions[submission.name] == nil && entries.count <= submission.jobs.count
    case .standings(let name, let first, let entries):
      guard let submission = submissions[name], first >= 0, first <= submission.jobs.count else {
        return false
      }
      return entries.count <= submission.jobs.count - first
    }
  }

  private func canAdd(_ descriptions: [JobDescription], to name: String) -> Bool {
    submissions[name] != nil
      && descriptions.allSatisfy { jobs[JobID(submission: name, job: $0.name)]?.status.hasEnded ?? true }
  }

  private mutating func restore(_ submission: Submission, from first: Int, _ entries: [JobEntry]) {
    for (job, entry) in zip(submission.jobs[first...], entries) {
      let id = JobID(submission: submission.name, job: job.name)
      let wasOpen = jobs[id].map { !$0.status.hasEnded } ?? false
      openCounts[submission.name]! += (entry.status.hasEnded ? 0 : 1) - (wasOpen ? 1 : 0)
      jobs[id] = entry
    }
  }

  /// A submission that has ended may come again under its name: its jobs begin anew.
  private mutating func add(_ submission: Submission) {
    forget(submission.name)
    submissions[submission.name] = submission
    openCounts[submission.name] = 0
    enqueue(submission.jobs, of: submission.name, .first)
  }

  /// Adds jobs to a submission that have ended before, here or in the memory of their own files.
  private mutating func add(
    _ descriptions: [JobDescription], to name: String, beginsFromNothing: Bool
  ) {
    let known = Set(submissions[name]!.jobs.map(\.name))
    submissions[name]!.jobs += descriptions.filter { !known.contains($0.name) }
    submissions[name]!.isConcluded = false
    enqueue(descriptions, of: name, beginsFromNothing ? .fromNothing : .onceMore)
  }

  private mutating func grow(_ submission: Submission) {
    var grown = submission
    grown.jobs = submissions[submission.name]!.jobs
    submissions[submission.name] = grown
    add(submission.jobs, to: submission.name, beginsFromNothing: false)
  }

  private mutating func enqueue(_ descriptions: [JobDescription], of name: String, _ start: JobStart) {
    for description in descriptions {
      let id = JobID(submission: name, job: description.name)
      jobs[id] = JobEntry(sequence: nextSequence, start)
      nextSequence += 1
      forgetEnd(id)
    }
    openCounts[name]! += descriptions.count
  }

  private mutating func forget(_ name: String) {
    guard let submission = submissions.removeValue(forKey: name) else { return }
    for id in submission.jobIDs { jobs[id] = nil }
    openCounts[name] = nil
    submissions.shrink()
    jobs.shrink()
    openCounts.shrink()
  }

  /// Queues a job that has ended behind those that wait.
  private mutating func queueOnceMore(_ id: JobID, _ start: JobStart) {
    let entry = JobEntry(sequence: nextSequence, start)
    nextSequence += 1
    change(id) { $0 = entry }
  }

  private mutating func change(_ id: JobID, _ body: (inout JobEntry) -> Void) {
    let before = jobs[id]!.status
    body(&jobs[id]!)
    let after = jobs[id]!.status
    guard before.hasEnded != after.hasEnded else { return }
    openCounts[id.submission]! += before.hasEnded ? 1 : -1
    submissions[id.submission]!.isConcluded = false
    forgetEnd(id)
    if case .ended(let end) = after {
      recentlyEnded.append(EndedJob(id: id, end: end))
      if recentlyEnded.count > Self.mostRemembered { recentlyEnded.removeFirst() }
    }
  }

  private mutating func forgetEnd(_ id: JobID) { recentlyEnded.removeAll { $0.id == id } }

  /// Records that give this state, whatever was before.
  package var snapshot: [QueueRecord] {
    let restored = submissions.values.sorted { $0.name < $1.name }.flatMap { submission in
      let entries = jobs(of: submission).map(\.entry)
      let size = Self.entriesInRecord
      let rest = stride(from: size, to: entries.count, by: size).map { first in
        QueueRecord.standings(submission.name, from: first, Array(entries[first...].prefix(size)))
      }
      return [QueueRecord.restored(submission, Array(entries.prefix(size)))] + rest
    }
    return [.cleared(nextSequence: nextSequence)] + restored
      + (recentlyEnded.isEmpty ? [] : [.remembered(recentlyEnded)])
  }

  /// Entries that one record of a snapshot holds: some megabyte where each has a problem to tell.
  private static let entriesInRecord = 400

  /// The jobs of a submission, in its order.
  package func jobs(of submission: Submission) -> [(id: JobID, entry: JobEntry)] {
    submission.jobIDs.compactMap { id in jobs[id].map { (id, $0) } }
  }

  /// Whether a submission of that name can be taken: there is none, or all its jobs have ended.
  package func canTake(_ name: String) -> Bool { openCounts[name, default: 0] == 0 }

  /// Submissions whose jobs have all ended and that are not concluded.
  package var unconcluded: [String] {
    submissions.values.filter { !$0.isConcluded && openCounts[$0.name] == 0 }.map(\.name).sorted()
  }

  /// Submissions that journals of earlier versions still hold though nobody needs to look at them any more.
  package var concluded: [String] { submissions.values.filter(\.isConcluded).map(\.name).sorted() }

  /// How the jobs of a submission ended, in its order; nil while one has not.
  package func ends(of name: String) -> [JobEnd]? {
    guard openCounts[name] == 0, let submission = submissions[name] else { return nil }
    return jobs(of: submission).compactMap { _, entry in
      if case .ended(let end) = entry.status { end } else { nil }
    }
  }

  /// Where a job stands, one that has ended lately included.
  package func status(of id: JobID) -> JobStatus? {
    jobs[id]?.status ?? recentlyEnded.last { $0.id == id }.map { .ended($0.end) }
  }

  package func priority(of id: JobID) -> Int { submissions[id.submission]?.priority ?? 0 }
}

/// A job that has ended, and how.
package struct EndedJob: Sendable, Hashable, Codable {
  package let id: JobID
  package let end: JobEnd
}

extension JobEntry {
  /// The process died while the job ran: it is queued again, failed after too many deaths without progress.
  fileprivate mutating func died(progress: Int?) {
    let hasMovedOn = (progress ?? -1) > (progressAtDeath ?? -1)
    if status.isBeingCancelled {
      status = .ended(JobEnd(.cancelled))
      return
    }
    deaths = hasMovedOn ? 1 : deaths + 1
    progressAtDeath = progress
    status =
      deaths < Self.deathsBeforeFailure
      ? .queued(.goesOn)
      : .ended(
        JobEnd(
          .failed,
          problem:
            "the process died \(deaths) times while this run was active, without a new checkpoint, the last "
            + "\(Self.deathsBeforeFailure - Self.deathsBeforeAlone) times with nothing else running"))
  }
}
