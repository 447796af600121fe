import Files
import Synchronization

/// What a run tells whoever follows it. Delivered on the run's own thread, so listeners must be quick.
package enum RunEvent: Sendable {
  /// Training begins, or goes on after so many steps; `totalSteps` is where it ends at the latest.
  case began(afterSteps: Int, totalSteps: Int)
  case step(RunProgress)
  /// A checkpoint of that step is on the disk: a crash would not lose what was done before it.
  case checkpointed(step: Int)
  /// An epoch is complete, or the run ended inside it.
  case epoch(CurveRow, imagesPerSecond: Double)
  /// Something a person should know that does not end the run.
  case notice(String)
}

/// Where a run is within its epoch.
package struct RunProgress: Sendable, Hashable {
  /// From 1.
  package var epoch: Int
  package var epochs: Int
  /// Steps completed since the run began.
  package var step: Int
  package var totalSteps: Int
  /// Means over the epoch so far.
  package var trainLoss: Double
  package var trainAccuracy: Double
  /// Over this stretch of the epoch, training alone.
  package var imagesPerSecond: Double

  package init(
    epoch: Int, epochs: Int, step: Int, totalSteps: Int, trainLoss: Double, trainAccuracy: Double,
    imagesPerSecond: Double
  ) {
    self.epoch = epoch
    self.epochs = epochs
    self.step = step
    self.totalSteps = totalSteps
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.imagesPerSecond = imagesPerSecond
  }
}

/// How a run's stretch ended.
package enum RunOutcome: Sendable, Hashable {
  case completed
  /// A loss was not finite.
  case diverged(String)
  case paused
  /// Stopped with the process; it goes on with the next one.
  case interrupted
  case cancelled
  case failed(RunFailure)

  package var status: RunStatus {
    switch self {
    case .completed: .completed
    case .diverged: .diverged
    case .paused: .paused
    case .interrupted: .queued
    case .cancelled: .cancelled
    case .failed: .failed
    }
  }

  /// What went wrong, for people.
  package var problem: String? {
    switch self {
    case .completed, .paused, .interrupted, .cancelled: nil
    case .diverged(let problem): problem
    case .failed(let failure): failure.description
    }
  }
}

/// Why a run failed.
package struct RunFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// Whose fault it is, and so whether trying again helps.
  package enum Kind: Sendable, Hashable {
    /// The machine's fault, which may pass: the same command later continues the run.
    case machine(isDiskFull: Bool)
    /// The machine has no room for the run now: the description says what is lacking, as in "waits for ...". The need, where
    /// it is counted by `Reservations`; nil where the system refused what was counted as free.
    case room(RunNeed?)
    /// A run of that hash is in training, whose results are to be this one's too: the description says which, as in "waits for
    /// ...".
    case equal(String)
    /// Bad or missing data, damaged files: trying again changes nothing.
    case content
  }

  package var kind: Kind
  package var description: String

  /// Whether the same run may succeed when tried again.
  package var mayPass: Bool { kind != .content }

  /// Whether the description completes "waits for ...".
  package var isWaiting: Bool {
    switch kind {
    case .room, .equal: true
    case .machine, .content: false
    }
  }

  package var isDiskFull: Bool { kind == .machine(isDiskFull: true) }

  package init(kind: Kind, _ description: String) {
    self.kind = kind
    // It goes into records, logs and the queue's journal.
    self.description = description.inMessage()
  }
}

/// What others ask of a run in progress. The run looks before every step, so an answer comes within one.
package final class RunControl: Sendable {
  /// What the run is to do at its next look.
  package enum Request: Int, Sendable {
    case proceed
    /// Checkpoint and stop, until somebody wants the run to go on.
    case pause
    /// Checkpoint and stop; the run goes on by itself with the next process.
    case interrupt
    /// Stop for good.
    case cancel
  }

  private let state = Atomic<Int>(Request.proceed.rawValue)

  package init() {}

  package var request: Request {
    get { Request(rawValue: state.load(ordering: .acquiring))! }
    set { state.store(newValue.rawValue, ordering: .releasing) }
  }

  package var asksToStop: Bool { request != .proceed }
}
