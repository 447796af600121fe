import Datasets
import Files
import Foundation
import Synchronization
import TensorCore
import TestSupport

@testable import Experiments

/// Runs of small experiments on the built-in digits, trained in a folder of their own.
final class TrainingFolder {
  private let results: ResultsFixture

  init() throws { results = try ResultsFixture() }

  var path: String { results.path }
  func file(_ name: String) -> String { results.file(name) }
  func put(_ text: String, as name: String) throws { try results.put(text, as: name) }

  /// A run of the experiment's plan, placed in the folder `name`.
  func place(_ text: ExperimentText, _ index: Int = 0, as name: String = "run") throws -> PlacedRun {
    let experiment = try text.experiment()
    return PlacedRun(
      Plan(experiment).runs[index], experiment: experiment.name, configHash: experiment.configHash,
      configFolder: path, folder: RunFolder(file(name)), threads: experiment.threads,
      timeLimitSeconds: experiment.timeLimitSeconds)
  }
}

extension ExperimentText {
  /// An experiment on digits: 50 images in batches of 16, so 4 steps an epoch and 2 images in the last.
  ///
  /// - Parameter training: more members of `training`, with a comma in front.
  static func digits(
    epochs: Int = 3, rate: String = "0.01", _ training: String = "", hidden: String = "[8]",
    variants: String = #"[{"name": "full", "bits": 32}]"#, validation: Int = 20, rest: [String] = []
  ) -> ExperimentText {
    ExperimentText(
      dataset: #"{"name": "digits", "train_limit": 50, "validation_limit": \#(validation)}"#,
      model: #"{"type": "mlp", "hidden": \#(hidden)}"#,
      training: #"{"epochs": \#(epochs), "batch_size": 16, "learning_rate": \#(rate)\#(training)}"#,
      variants: variants, rest: rest)
  }
}

extension PlacedRun {
  /// Trains the run to its end, or until `observe` makes its control say so.
  @discardableResult
  func train(
    cores: Int = 1, in files: any FileSystem = FaultyFileSystem(), control: RunControl = RunControl(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) -> RunOutcome {
    train(pool: ComputePool(cores: cores), in: files, control: control, observe: observe)
  }

  func train(
    pool: ComputePool, in files: any FileSystem = FaultyFileSystem(), control: RunControl = RunControl(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) -> RunOutcome {
    var environment = TrainingEnvironment(
      pool: pool, datasets: DatasetLibrary(DataFolder("no data")), files: files)
    // A checkpoint at each epoch's end, whatever the time.
    environment.savingInterval = .zero
    return train(in: environment, control: control, observe: observe)
  }

  func train(
    in environment: TrainingEnvironment, control: RunControl = RunControl(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) -> RunOutcome {
    Trainer(self, in: environment, control: control, observe: observe)()
  }

  /// Trains until so many steps are done, then pauses.
  @discardableResult
  func train(pausingAfter step: Int, cores: Int = 1) -> RunOutcome {
    let control = RunControl()
    return train(cores: cores, control: control) { event in
      if case .step(let progress) = event, progress.step == step { control.request = .pause }
    }
  }

  /// The same run elsewhere, or with another time limit.
  func moved(to path: String? = nil, timeLimitSeconds: Double? = nil) -> PlacedRun {
    PlacedRun(
      plan, experiment: experiment, configHash: configHash, configFolder: configFolder,
      folder: path.map(RunFolder.init) ?? folder, threads: threads, timeLimitSeconds: timeLimitSeconds)
  }

  var record: RunRecord { get throws { try RunRecord(reading: folder.recordFile, in: POSIXFileSystem()) } }
  var curve: [CurveRow] {
    get throws { try CurveTable(reading: folder.curveFile, in: POSIXFileSystem()).rows }
  }
  var curveText: String { get throws { try POSIXFileSystem().readText(folder.curveFile) } }
  var stepsText: String { get throws { try POSIXFileSystem().readText(folder.stepsFile) } }
  var timingText: String { get throws { try POSIXFileSystem().readText(folder.timingFile) } }
  var log: String { get throws { try POSIXFileSystem().readText(folder.logFile) } }
  var model: SafetensorsFile {
    get throws { try SafetensorsFile(reading: folder.modelFile, in: POSIXFileSystem()) }
  }
  var files: [String] { get throws { try POSIXFileSystem().list(folder.path) } }

  /// What must be the same to the byte whatever happened on the way.
  var results: RunResults {
    get throws {
      let files = POSIXFileSystem()
      return RunResults(
        curve: try curveText, steps: try stepsText, model: try files.readAll(folder.modelFile))
    }
  }
}

extension RunOutcome {
  var failure: RunFailure? {
    if case .failed(let failure) = self { failure } else { nil }
  }

  var divergence: String? {
    if case .diverged(let problem) = self { problem } else { nil }
  }
}

extension RunRecord {
  /// What does not depend on time and machine.
  var outcome: RunRecord {
    var record = self
    (record.started, record.ended, record.trainSeconds, record.threads) = (nil, nil, nil, nil)
    return record
  }
}

struct RunResults: Hashable, CustomStringConvertible {
  var curve: String
  var steps: String
  var model: [UInt8]

  var description: String { "\(curve)\n\(steps)\n\(model.count) bytes of model, hash \(model.hashValue)" }
}

extension String {
  /// The cells of a table's lines, the header left out.
  var rows: [[String]] {
    split(separator: "\n").dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  var firstLine: String { String(prefix { $0 != "\n" }) }
}

/// Events of a run, gathered from its thread.
final class EventLog: Sendable {
  private let gathered = Mutex<[RunEvent]>([])

  func add(_ event: RunEvent) { gathered.withLock { $0.append(event) } }
  var events: [RunEvent] { gathered.withLock { $0 } }

  var notices: [String] {
    events.compactMap { event in
      if case .notice(let text) = event { text } else { nil }
    }
  }
}
