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
  package var clocks = RunClocks.system
  /// The least time between two checkpoints, and two records, at epochs' ends.
  package var savingInterval = Duration.seconds(1)
  /// Bytes of memory that are free now; nil where nobody says.
  package var availableMemory: @Sendable () -> Int?

  package init(
    pool: ComputePool, datasets: DatasetLibrary, files: any FileSystem,
    availableMemory: @escaping @Sendable () -> Int? = { Machine.availableMemory }
  ) {
    self.pool = pool
    self.datasets = datasets
    self.files = files
    self.availableMemory = availableMemory
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
  private let observe: (RunEvent) -> Void

  package init(
    _ run: PlacedRun, in environment: TrainingEnvironment, control: RunControl,
    observe: @escaping (RunEvent) -> Void
  ) {
    self.run = run
    self.environment = environment
    self.control = control
    self.observe = observe
  }

  /// Trains to the end, or until asked to stop; whatever happens is in the outcome and, where the disk allows, in
  /// `run.json`.
  package func callAsFunction() -> RunOutcome {
    var dataset: Dataset?
    do {
      return try environment.pool.withRun { try train(&dataset) }
    } catch {
      let failure = RunFailure(error)
      recordFailure(failure, dataset)
      return .failed(failure)
    }
  }

  /// - Parameter dataset: set as soon as the data are read.
  private func train(_ known: inout Dataset?) throws -> RunOutcome {
    let dataset = try environment.datasets.dataset(run.plan.dataset, configFolder: run.configFolder)
    known = dataset
    try run.folder.create(in: environment.files)
    // Before anything can fail: what is odd about the data may be why.
    for notice in dataset.notices { try note(notice) }
    let session = try TrainingSession(run, dataset: dataset, environment, observe: observe)
    let outcome = try session.train(control: control)
    return try session.finish(outcome)
  }

  /// Says in `run.json` and `run.log` that the run failed, or, where the machine is to blame, that it waits: whether it is
  /// tried again is not for the run to say. Best effort: the disk itself may be the reason.
  private func recordFailure(_ failure: RunFailure, _ dataset: Dataset?) {
    let files = environment.files
    guard (try? run.folder.create(in: files)) != nil else { return }
    let time = RunRecord.timestamp(Date())
    var record =
      (try? RunRecord(reading: run.folder.recordFile, in: files)) ?? RunRecord(run, network: network(dataset))
    record.status = failure.mayPass ? .queued : .failed
    record.error = failure.description
    record.ended = failure.mayPass ? nil : time
    record.dataSHA256 = dataset?.sha256 ?? record.dataSHA256
    try? record.write(to: run.folder.recordFile, in: files)
    try? log("\(failure.mayPass ? "interrupted" : "failed"): \(failure)")
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
    case let error as DatasetError where error.mayPass:
      self.init(kind: .machine(isDiskFull: false), error.description)
    case let error as FileError: self.init(kind: .machine(isDiskFull: error.isDiskFull), error.description)
    default: self.init(kind: .content, "\(error)")
    }
  }
}
