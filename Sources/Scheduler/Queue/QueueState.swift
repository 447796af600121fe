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
    case .restarted(let id):
      return requeueEnded(id) { _, sequence in
        var entry = JobEntry(sequence: sequence)
        entry.beginsFromNothing = true
        return entry
      }
    case .continued(let id):
      return requeueEnded(id) { old, sequence in
        var entry = JobEntry(sequence: sequence)
        entry.hasBegun = old.hasBegun
        return entry
      }
    case .died(let id, let progress):
      return change(id, from: \.isRunning) { $0.died(progress: progress) }
    case .cleared(let sequence):
      self = QueueState()
      nextSequence = sequence
      return true
    case .restored(let submission, let entries):
      guard submissions[submission.name] == nil, entries.count == submission.jobs.count else { return false }
      submissions[submission.name] = submission
      openCounts[submission.name] = entries.count { !$0.status.hasEnded }
      for (job, entry) in zip(submission.jobs, entries) {
        jobs[JobID(submission: submission.name, job: job.name)] = entry
      }
      return true
    }
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

  /// Queues a job that has ended behind those that wait.
  private mutating func requeueEnded(_ id: JobID, _ entry: (_ old: JobEntry, _ sequence: Int) -> JobEntry)
    -> Bool
  {
    let sequence = nextSequence
    nextSequence += 1
    return change(id, from: \.hasEnded) { $0 = entry($0, sequence) }
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
    let restored = submissions.values.sorted { $0.name < $1.name }.map { submission in
      QueueRecord.restored(submission, jobs(of: submission).map(\.entry))
    }
    return [.cleared(nextSequence: nextSequence)] + restored
  }

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
