import Datasets
import Files
import Foundation
import Networks
import TensorCore

/// What a run needs from outside itself.
package struct TrainingEnvironment: Sendable {
  package var pool: ComputePool
  package var datasets: DatasetLibrary
  package var files: any FileSystem
  /// What all runs of the process have taken of the machine.
  package var reservations: Reservations
  /// Whoever knows what need not be trained; nil where everything is.
  package var reuse: RunReuse?
  package var clocks = RunClocks.system
  /// The least time between two checkpoints, and two records, at epochs' ends.
  package var savingInterval = Duration.seconds(1)

  package init(
    pool: ComputePool, datasets: DatasetLibrary, files: any FileSystem,
    reservations: Reservations = Reservations(), reuse: RunReuse? = nil
  ) {
    self.reuse = reuse
    self.pool = pool
    self.datasets = datasets
    self.files = files
    self.reservations = reservations
  }
}

/// A run with its place on disk.
package struct PlacedRun: Sendable, Hashable {
  package let plan: RunPlan
  /// The experiment's name as its results folder and its rows have it: the config's, or that with a number.
  package let experiment: String
  package let configHash: String
  /// What paths in the config are relative to.
  package let configFolder: String
  package let folder: RunFolder
  /// The most threads the run may use; nil for no bound.
  package let threads: Int?
  package let timeLimitSeconds: Double?

  package init(
    _ plan: RunPlan, experiment: String, configHash: String, configFolder: String, folder: RunFolder,
    threads: Int?, timeLimitSeconds: Double?
  ) {
    self.plan = plan
    self.experiment = experiment
    self.configHash = configHash
    self.configFolder = configFolder
    self.folder = folder
    self.threads = threads
    self.timeLimitSeconds = timeLimitSeconds
  }

  /// `RUN` on the command line.
  package var name: String { "\(experiment)/\(plan.id)" }
}

/// Trains one run from where its last checkpoint left it.
///
/// All that is written but for times depends on config, data and seed alone.
package struct Trainer {
  private let run: PlacedRun
  private let environment: TrainingEnvironment
  private let control: RunControl
  /// Whether the run may take over what an equal one has done, and wait for it.
  private let mayReuse: Bool
  private let observe: (RunEvent) -> Void

  package init(
    _ run: PlacedRun, in environment: TrainingEnvironment, control: RunControl, mayReuse: Bool = true,
    observe: @escaping (RunEvent) -> Void
  ) {
    self.run = run
    self.mayReuse = mayReuse
    self.environment = environment
    self.control = control
    self.observe = observe
  }

  /// What a run takes before it knows how large it is: the files that it has open at once.
  package static let needToBegin = RunNeed(descriptors: RunRecorder.descriptors + 2)

  /// Trains to the end, or until asked to stop; whatever happens is in the outcome and, where the disk allows, in
  /// `run.json`.
  package func callAsFunction() -> RunOutcome {
    defer {
      environment.reuse?.release(run)
      environment.reservations.release(run.name)
    }
    var dataset: Dataset?
    do {
      try environment.reservations.reserve(Self.needToBegin, for: run.name)
      return try environment.pool.withRun { try train(&dataset) }
    } catch {
      let failure = RunFailure(error)
      recordFailure(failure, dataset)
      return .failed(failure)
    }
  }

  /// - Parameter dataset: set as soon as the data are read.
  private func train(_ known: inout Dataset?) throws -> RunOutcome {
    // Whoever reads the data takes memory for them, also while others begin.
    let dataBytes = environment.datasets.bytesToRead(run.plan.dataset, configFolder: run.configFolder)
    if dataBytes > 0 {
      try environment.reservations.reserve(
        RunNeed(memory: dataBytes, addresses: dataBytes), for: run.name, to: "reading the data")
    }
    let dataset = try environment.datasets.dataset(run.plan.dataset, configFolder: run.configFolder)
    known = dataset
    try run.folder.create(in: environment.files)
    // Before anything can fail: what is odd about the data may be why.
    for notice in dataset.notices { try note(notice) }
    if try takeOver(dataset) { return .completed }
    let session = try TrainingSession(
      run, dataset: dataset, dataBytes: dataBytes, environment, observe: observe)
    let outcome = try session.train(control: control)
    if outcome == .completed, let hash = session.runHash { environment.reuse?.completes(hash, run) }
    _ = try session.finish(outcome)
    return outcome
  }

  /// Whether the run's results were there, and are its own now. Throws where the run has to wait for its equal.
  private func takeOver(_ dataset: Dataset) throws -> Bool {
    guard let reuse = environment.reuse,
      let hash = run.hash(dataSHA256: dataset.sha256, in: environment.files)
    else { return false }
    switch reuse.claim(hash, for: run, mayReuse: mayReuse) {
    case .train: return false
    case .wait(let other):
      throw RunFailure(kind: .equal(hash), "\(other), which trains the same run, to end")
    case .takeOver(let source):
      do {
        try TakeOver(run: run, source: source, files: environment.files)()
        try note("the same run as \(source.name): its results are taken over")
        reuse.completes(hash, run)
        return true
      } catch let error as FileContentError {
        try note("\(error): the run is trained")
        return false
      } catch let error as FileError where error.path.hasPrefix(source.folder.path + "/") {
        try note("\(error): the run is trained")
        return false
      }
    }
  }

  /// Says in `run.json` and `run.log` that the run failed, or, where the machine is to blame, that it waits: whether it is
  /// tried again is not for the run to say. Best effort: the disk itself may be the reason.
  private func recordFailure(_ failure: RunFailure, _ dataset: Dataset?) {
    let files = environment.files
    // Where somebody has moved the experiment away, nothing half made takes its place.
    guard files.exists(run.folder.parent), (try? run.folder.create(in: files)) != nil else { return }
    let time = RunRecord.timestamp(Date())
    var record =
      (try? RunRecord(reading: run.folder.recordFile, in: files)) ?? RunRecord(run, network: network(dataset))
    record.status = failure.mayPass ? .queued : .failed
    record.error = failure.isWaiting ? "waits for \(failure)" : failure.description
    record.ended = failure.mayPass ? nil : time
    record.dataSHA256 = dataset?.sha256 ?? record.dataSHA256
    try? record.write(to: run.folder.recordFile, in: files)
    let what = failure.isWaiting ? "waits for " : failure.mayPass ? "interrupted: " : "failed: "
    try? log("\(what)\(failure)")
  }

  private func note(_ text: String) throws {
    observe(.notice(text))
    try log(text)
  }

  /// Adds a line to `run.log` while no session has it open.
  private func log(_ line: String) throws {
    let log = try AppendingFile(run.folder.logFile, .afterLastWholeRow, in: environment.files)
    try log.append("\(RunRecord.timestamp(Date())) \(line)\n")
  }

  /// The run's network, where its data say what that is.
  private func network(_ dataset: Dataset?) -> (any Network)? {
    dataset.flatMap { try? TrainingSession.specification(run, $0).network(shardImages: 1) }
  }
}

extension RunFailure {
  /// Any error that ended a run: what the machine did may pass, what is in the files will not.
  init(_ error: any Error) {
    switch error {
    case let failure as RunFailure: self = failure
    case let refusal as Reservations.Refusal:
      self.init(kind: refusal.isForGood ? .content : .room(refusal.need), refusal.description)
    case let error as OutOfMemory: self.init(kind: .machine(isDiskFull: false), "\(error)")
    case let error as FileError where error.isForWantOfDescriptors:
      self.init(kind: .room(nil), "a file descriptor: \(error)")
    case let error as DatasetError where error.isForWantOfDescriptors:
      self.init(kind: .room(nil), "a file descriptor: \(error)")
    case let error as DatasetError where error.mayPass:
      self.init(kind: .machine(isDiskFull: false), error.description)
    case let error as FileError: self.init(kind: .machine(isDiskFull: error.isDiskFull), error.description)
    default: self.init(kind: .content, "\(error)")
    }
  }
}
