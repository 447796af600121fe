import Files

/// Where a job stands in the queue.
package enum JobStatus: Sendable, Hashable, Codable {
  /// Will begin, at the earliest when its delay is over.
  case queued
  case running
  /// Until somebody resumes it.
  case paused
  case ended(JobEnd)

  package var name: String {
    switch self {
    case .queued: "queued"
    case .running: "running"
    case .paused: "paused"
    case .ended(let end): end.kind.rawValue
    }
  }

  package var hasEnded: Bool {
    if case .ended = self { true } else { false }
  }
}

/// How a job ended for good.
package struct JobEnd: Sendable, Hashable, Codable {
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
///
/// Journals of earlier versions have fewer members; those that are missing are as in a new entry.
package struct JobEntry: Sendable, Hashable, Codable {
  package var status: JobStatus = .queued
  /// First come, first served.
  package var sequence: Int
  /// Whether it has run, so that there may be something of it.
  package var hasBegun = false
  /// Somebody restarted it: what it did before is forgotten when it begins.
  package var beginsFromNothing = false
  /// Somebody restarted it: until it ends it is to do all by itself.
  package var isRestart = false
  /// It had ended and has been queued once more: until it begins, its own files tell of how it ended then.
  package var isOnceMore = false
  /// Deaths of the process while this job ran, without a step forward in between.
  package var deaths = 0
  /// How far the job was, by its own measure, when the process last died.
  package var progressAtDeath: Int?
  /// Failures of the machine that were tried again.
  package var retries = 0
  /// Why it last failed, while it is tried again.
  package var problem: String?
  /// Somebody cancelled it while it ran; it ends so unless it gets to its own end first.
  package var isBeingCancelled = false

  package init(sequence: Int) { self.sequence = sequence }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    sequence = try container.decode(Int.self, forKey: .sequence)
    status = try container.decode(JobStatus.self, forKey: .status)
    hasBegun = try container.decodeIfPresent(Bool.self, forKey: .hasBegun) ?? hasBegun
    beginsFromNothing =
      try container.decodeIfPresent(Bool.self, forKey: .beginsFromNothing) ?? beginsFromNothing
    isRestart = try container.decodeIfPresent(Bool.self, forKey: .isRestart) ?? isRestart
    isOnceMore = try container.decodeIfPresent(Bool.self, forKey: .isOnceMore) ?? isOnceMore
    deaths = try container.decodeIfPresent(Int.self, forKey: .deaths) ?? deaths
    progressAtDeath = try container.decodeIfPresent(Int.self, forKey: .progressAtDeath)
    retries = try container.decodeIfPresent(Int.self, forKey: .retries) ?? retries
    problem = try container.decodeIfPresent(String.self, forKey: .problem)
    isBeingCancelled = try container.decodeIfPresent(Bool.self, forKey: .isBeingCancelled) ?? isBeingCancelled
  }

  /// After so many deaths a job waits behind all others and runs alone.
  package static let deathsBeforeAlone = 3
  /// After so many it is failed.
  package static let deathsBeforeFailure = 6

  /// Whether it may have brought the process down, so that nothing else should run beside it.
  package var isSuspect: Bool { deaths >= Self.deathsBeforeAlone }
}
