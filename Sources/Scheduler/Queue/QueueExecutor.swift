/// What runs the queue's jobs. The queue knows nothing of what they compute.
package protocol QueueExecutor: Sendable {
  /// A job is going to be executed: from now on `askToStop` reaches it, also before its thread has got as far as
  /// `execute`. To be done quickly.
  func prepare(_ id: JobID)

  /// Runs a prepared job until it ends or is asked to stop, on the calling thread. It goes on from where it was left, and a
  /// job that turns out to have ended before says so.
  ///
  /// - Parameter isRestart: whether somebody wants the job to do all by itself.
  func execute(_ id: JobID, of submission: Submission, isRestart: Bool) -> JobOutcome

  /// Takes what a job that had no room needs of the machine, for its next execution. Returns what is lacking; nil where it has
  /// it all, and where an execution has to find out. To be done quickly.
  func takeRoom(for id: JobID) -> String?

  /// Gives back what was taken for a job that is not executed after all.
  func returnRoom(of id: JobID)

  /// Asks a prepared or running job to stop soon. From any thread, maybe more than once.
  func askToStop(_ id: JobID, _ reason: StopReason)

  /// How a job has ended by its own account, which the process that ran it may not have lived to hear.
  func recordedEnd(of id: JobID, of submission: Submission) -> JobEnd?

  /// How far a job is, by a measure of the executor's that grows with what a restart would not lose.
  func progress(of id: JobID) -> Int?

  /// Forgets what a job that does not run has done, so that it begins from nothing. May be called again.
  func reset(_ id: JobID) throws

  /// A job that never began, or whose execution said something else, has ended so.
  func settle(_ id: JobID, of submission: Submission, _ end: JobEnd)
}

/// Why a job is to stop.
package enum StopReason: Sendable, Hashable {
  /// Until somebody resumes it.
  case pause
  /// For good.
  case cancel
  /// The process ends; the next one goes on with it.
  case shutdown
}

/// Where the queue's records are kept. `Journal` is the one for use.
package protocol RecordStore: Sendable {
  /// Whether nothing can be appended before `compact` has put a snapshot in place of everything.
  var needsSnapshot: Bool { get }

  /// Returns once the records are durable, all of them; throws where none is acknowledged.
  func append(_ records: [[UInt8]]) throws

  /// Replaces everything by these records.
  func compact(_ records: [[UInt8]]) throws

  /// Bytes kept.
  var length: Int { get }
}

/// When jobs that the machine failed are tried again.
package struct RetryDelays: Sendable {
  /// Seconds between looks whether there is room on the disk.
  package var disk: Double
  /// Whether a job waits for room on the disk; where it does not it fails, and may be continued by a person.
  package var waitsForDisk: Bool
  /// Seconds between looks whether others have given back what a job has no room for. When a job of the queue ends there is
  /// a look at once.
  package var room: Double
  /// Seconds before the first retry; each further one waits three times as long, an hour at most.
  package var first: Double

  package init(
    disk: Double = 10, waitsForDisk: Bool = true, room: Double = 10, first: Double = 5
  ) {
    self.disk = disk
    self.room = room
    self.waitsForDisk = waitsForDisk
    self.first = first
  }

  /// For a person who sits before it.
  package static let foreground = RetryDelays(waitsForDisk: false, first: 1)

  func retry(_ count: Int) -> Double {
    min(3600, first * (0..<min(count, 16)).reduce(1) { product, _ in product * 3 })
  }
}
