import Files

/// Where a job stands in the queue, with what belongs to that.
package enum JobStatus: Sendable, Hashable {
  /// Will begin, at the earliest when its delay is over.
  case queued(JobStart)
  /// Of one that is being cancelled: somebody has asked for it, and it ends so unless it gets to its own end first.
  case running(isBeingCancelled: Bool)
  /// Until somebody resumes it.
  case paused(JobStart)
  case ended(JobEnd)

  package var name: String {
    switch self {
    case .queued: "queued"
    case .running: "running"
    case .paused: "paused"
    case .ended(let end): end.kind.rawValue
    }
  }

  package var isQueued: Bool { if case .queued = self { true } else { false } }
  package var isRunning: Bool { if case .running = self { true } else { false } }
  package var isPaused: Bool { if case .paused = self { true } else { false } }
  package var hasEnded: Bool { if case .ended = self { true } else { false } }
  package var isBeingCancelled: Bool { self == .running(isBeingCancelled: true) }

  /// How it begins when its turn comes; nil for one that runs or has ended.
  package var start: JobStart? {
    switch self {
    case .queued(let start), .paused(let start): start
    case .running, .ended: nil
    }
  }
}

/// How a job begins when its turn comes.
package enum JobStart: Sendable, Hashable {
  /// It has not run yet.
  case first
  /// Where it was left.
  case goesOn
  /// Where it was left; it had ended, and until it begins its own files tell how.
  case onceMore
  /// From nothing: somebody restarted it, and what it did before is forgotten then.
  case fromNothing
}

/// How a job ended for good.
package struct JobEnd: Sendable, Hashable, Codable {
  /// How it ended, in a word; the raw value is what files and people say.
  package enum Kind: String, Sendable, Hashable, Codable {
    case completed, failed, diverged, cancelled
  }

  package var kind: Kind
  /// Why, for people; nil where all went well.
  package var problem: String?

  package init(_ kind: Kind, problem: String? = nil) {
    self.kind = kind
    self.problem = problem.map { Self.brief($0) }
  }

  /// A problem's text as the journal keeps it: what runs have to say may be of any length, the journal's records may not.
  static func brief(_ text: String) -> String {
    text.inMessage()
  }
}

/// What a job's executor reports when the job is no longer running.
package enum JobOutcome: Sendable, Hashable {
  case ended(JobEnd)
  /// It was asked to stop and can go on later.
  case stopped
  /// The machine's fault: worth trying again.
  case machineFailed(String)
  /// No room on the disk: to be tried again until there is, without counting.
  case diskFull(String)
  /// The machine has no room for it now: to be tried again when there may be, without counting.
  case noRoom(Shortage)

  var isNoRoom: Bool {
    if case .noRoom = self { true } else { false }
  }
}

/// What a job lacks of the machine: memory, file descriptors.
package struct Shortage: Sendable, Hashable {
  /// Completes "waits for ...".
  package var text: String
  /// Whether the executor can tell when it is there; else the job is tried when another one has ended, and now and then.
  package var isCounted: Bool
  /// Whether any number of jobs may go past it meanwhile: it waits for another job, not for room that they take.
  package var isOfAnotherJob: Bool

  package init(_ text: String, isCounted: Bool, isOfAnotherJob: Bool = false) {
    self.text = text
    self.isCounted = isCounted
    self.isOfAnotherJob = isOfAnotherJob
  }
}

/// A job as the queue knows it.
package struct JobEntry: Sendable, Hashable {
  package var status: JobStatus = .queued(.first)
  /// First come, first served.
  package var sequence: Int
  /// Somebody restarted it: until it ends it is to do all by itself.
  package var isRestart = false
  /// Deaths of the process while this job ran, without a step forward in between.
  package var deaths = 0
  /// How far the job was, by its own measure, when the process last died.
  package var progressAtDeath: Int?
  /// Failures of the machine that were tried again.
  package var retries = 0
  /// Why it last failed, while it is tried again.
  package var problem: String?

  package init(sequence: Int, _ start: JobStart = .first) {
    self.sequence = sequence
    status = .queued(start)
    isRestart = start == .fromNothing
  }

  /// Whether it had ended and waits once more, so that what its own files say of its end is over.
  package var isQueuedOnceMore: Bool { status.start == .onceMore || status.start == .fromNothing }

  /// Whether its own files may tell of it: it has run, and is not to begin from nothing.
  package var hasFiles: Bool {
    switch status.start {
    case .first, .fromNothing: false
    case .goesOn, .onceMore, nil: true
    }
  }

  /// Begins the problem of a job that waits for room.
  static let waiting = "waits for "

  /// It has what it waited for, or waits for something else now.
  mutating func waitsNoMore() {
    if problem?.hasPrefix(Self.waiting) == true { problem = nil }
  }

  /// After so many deaths a job waits behind all others and runs alone.
  package static let deathsBeforeAlone = 3
  /// After so many it is failed.
  package static let deathsBeforeFailure = 6

  /// Whether it may have brought the process down, so that nothing else should run beside it.
  package var isSuspect: Bool { deaths >= Self.deathsBeforeAlone }
}
