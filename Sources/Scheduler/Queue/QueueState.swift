/// What is queued, running and done: the scheduler's whole memory, without threads, time or files.
///
/// It changes through records alone, which are in the journal before they are applied; replaying a journal gives the same
/// state. What begins next is `Dispatcher`'s to say.
package struct QueueState: Sendable, Hashable {
  package private(set) var submissions: [String: Submission] = [:]
  package private(set) var jobs: [JobID: JobEntry] = [:]
  /// How many jobs of each submission have not ended.
  private var openCounts: [String: Int] = [:]
  private var nextSequence = 0

  package init() {}

  /// Takes a record in. One that does not fit the state, as after damage to the journal, changes nothing and returns
  /// false.
  @discardableResult
  package mutating func apply(_ record: QueueRecord) -> Bool {
    switch record {
    case .submitted(let submission): return add(submission)
    case .placed(let name):
      guard submissions[name] != nil else { return false }
      submissions[name]!.payload = nil
      return true
    case .concluded(let name):
      guard openCounts[name] == 0 else { return false }
      submissions[name]!.isConcluded = true
      return true
    case .began(let id):
      return change(id, from: \.isQueued) {
        $0.status = .running
        $0.hasBegun = true
        $0.beginsFromNothing = false
        $0.isOnceMore = false
      }
    case .requeued(let id, let problem):
      return change(id, from: \.isRunning) {
        $0.status = .queued
        $0.problem = problem
      }
    case .retried(let id, let problem):
      return change(id, from: \.isRunning) {
        $0.status = .queued
        $0.retries += 1
        $0.problem = problem
      }
    case .paused(let id): return change(id, from: \.isQueuedOrRunning) { $0.status = .paused }
    case .resumed(let id): return change(id, from: \.isPaused) { $0.status = .queued }
    case .cancelRequested(let id): return change(id, from: \.isOpen) { $0.isBeingCancelled = true }
    case .ended(let id, let end): return change(id, from: \.isOpen) { $0.status = .ended(end) }
    case .restarted(let id): return queueOnceMore(id) { $0.beginsFromNothing = true }
    case .continued(let id):
      let hasBegun = jobs[id]?.hasBegun ?? false
      return queueOnceMore(id) { $0.hasBegun = hasBegun }
    case .died(let id, let progress):
      return change(id, from: \.isRunning) { $0.died(progress: progress) }
    case .progressed(let id):
      return change(id, from: \.isOpen) {
        $0.deaths = 0
        $0.progressAtDeath = nil
      }
    case .cleared(let sequence):
      self = QueueState()
      nextSequence = sequence
      return true
    case .restored(let submission, let entries):
      guard submissions[submission.name] == nil, entries.count <= submission.jobs.count else { return false }
      submissions[submission.name] = submission
      openCounts[submission.name] = 0
      // Should the others' record be lost, they are still to be done.
      let others = (entries.count..<submission.jobs.count).map { _ in JobEntry(sequence: nextSequence) }
      return restore(submission, from: 0, entries + others)
    case .standings(let name, let first, let entries):
      guard let submission = submissions[name], first >= 0, first <= submission.jobs.count,
        entries.count <= submission.jobs.count - first
      else { return false }
      return restore(submission, from: first, entries)
    }
  }

  private mutating func restore(_ submission: Submission, from first: Int, _ entries: [JobEntry]) -> Bool {
    for (job, entry) in zip(submission.jobs[first...], entries) {
      let id = JobID(submission: submission.name, job: job.name)
      let wasOpen = jobs[id].map { !$0.status.hasEnded } ?? false
      openCounts[submission.name]! += (entry.status.hasEnded ? 0 : 1) - (wasOpen ? 1 : 0)
      jobs[id] = entry
    }
    return true
  }

  /// A submission that has ended may come again under its name: its jobs begin anew.
  private mutating func add(_ submission: Submission) -> Bool {
    if let old = submissions[submission.name] {
      guard openCounts[old.name] == 0 else { return false }
      for (id, _) in jobs(of: old) { jobs[id] = nil }
    }
    submissions[submission.name] = submission
    openCounts[submission.name] = submission.jobs.count
    for job in submission.jobs {
      jobs[JobID(submission: submission.name, job: job.name)] = JobEntry(sequence: nextSequence)
      nextSequence += 1
    }
    return true
  }

  /// Queues a job that has ended behind those that wait. Where the record of its end was lost this one says that it had.
  private mutating func queueOnceMore(_ id: JobID, _ body: (inout JobEntry) -> Void) -> Bool {
    var entry = JobEntry(sequence: nextSequence)
    nextSequence += 1
    entry.isOnceMore = true
    body(&entry)
    return change(id, from: \.isAny) { $0 = entry }
  }

  private mutating func change(
    _ id: JobID, from isAllowed: KeyPath<JobStatus, Bool>, _ body: (inout JobEntry) -> Void
  ) -> Bool {
    guard let entry = jobs[id], entry.status[keyPath: isAllowed] else { return false }
    body(&jobs[id]!)
    if jobs[id]!.status.hasEnded != entry.status.hasEnded {
      openCounts[id.submission]! += entry.status.hasEnded ? 1 : -1
      submissions[id.submission]!.isConcluded = false
    }
    return true
  }

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
  }

  /// Entries that one record of a snapshot holds: some megabyte where each has a problem to tell.
  private static let entriesInRecord = 400

  /// The jobs of a submission, in its order.
  package func jobs(of submission: Submission) -> [(id: JobID, entry: JobEntry)] {
    submission.jobs.compactMap { job in
      let id = JobID(submission: submission.name, job: job.name)
      return jobs[id].map { (id, $0) }
    }
  }

  /// Whether a submission of that name can be taken: there is none, or all its jobs have ended.
  package func canTake(_ name: String) -> Bool { openCounts[name, default: 0] == 0 }

  /// Submissions whose jobs have all ended and that are not concluded.
  package var unconcluded: [String] {
    submissions.values.filter { !$0.isConcluded && openCounts[$0.name] == 0 }.map(\.name).sorted()
  }

  /// How the jobs of a submission ended, in its order; nil while one has not.
  package func ends(of name: String) -> [JobEnd]? {
    guard openCounts[name] == 0, let submission = submissions[name] else { return nil }
    return jobs(of: submission).compactMap { _, entry in
      if case .ended(let end) = entry.status { end } else { nil }
    }
  }

  package func priority(of id: JobID) -> Int { submissions[id.submission]?.priority ?? 0 }
}

extension JobStatus {
  fileprivate var isQueued: Bool { self == .queued }
  fileprivate var isRunning: Bool { self == .running }
  fileprivate var isPaused: Bool { self == .paused }
  fileprivate var isQueuedOrRunning: Bool { isQueued || isRunning }
  fileprivate var isOpen: Bool { !hasEnded }
  fileprivate var isAny: Bool { true }
}

extension JobEntry {
  /// The process died while the job ran: it is queued again, failed after too many deaths without progress.
  fileprivate mutating func died(progress: Int?) {
    let hasMovedOn = (progress ?? -1) > (progressAtDeath ?? -1)
    if isBeingCancelled {
      status = .ended(JobEnd(.cancelled))
      return
    }
    deaths = hasMovedOn ? 1 : deaths + 1
    progressAtDeath = progress
    status =
      deaths < Self.deathsBeforeFailure
      ? .queued
      : .ended(
        JobEnd(
          .failed,
          problem:
            "the process died \(deaths) times while this run was active, without a new checkpoint, the last "
            + "\(Self.deathsBeforeFailure - Self.deathsBeforeAlone) times with nothing else running"))
  }
}
