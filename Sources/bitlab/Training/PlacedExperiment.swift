import Experiments
import Files

/// An experiment with its folder under the results.
struct PlacedExperiment: Sendable {
  let experiment: Experiment
  /// The name of its folder: the config's, or that with a number.
  let name: String
  let folder: ExperimentFolder
  /// Where the config came from, if that matters.
  let configFolder: String
  /// Why a run is cancelled that the plan had once.
  static let runIsGone = "the experiment's config no longer has this run"

  /// Every run of the plan, in order.
  let runs: [PlacedRun]
  private let places: [String: Int]

  /// - Parameters:
  ///   - plan: the experiment's runs, where somebody knows them already.
  ///   - configHash: the config's hash, likewise.
  init(
    _ experiment: Experiment, name: String, folder: ExperimentFolder, configFolder: String,
    plan: [RunPlan]? = nil, configHash: String? = nil
  ) {
    self.experiment = experiment
    self.name = name
    self.folder = folder
    self.configFolder = configFolder
    let hash = configHash ?? experiment.configHash
    runs = (plan ?? Plan(experiment).runs).map {
      PlacedRun(
        $0, experiment: name, configHash: hash, configFolder: configFolder, folder: folder.run($0.id),
        threads: experiment.threads, timeLimitSeconds: experiment.timeLimitSeconds)
    }
    places = Dictionary(uniqueKeysWithValues: runs.enumerated().map { ($1.plan.id, $0) })
  }

  /// An experiment as its folder has it; nil where there is none.
  ///
  /// Throws `FileError` where the config cannot be read, and `ConfigurationError` where it is none.
  init?(reading name: String, in results: ResultsFolder, _ files: any FileSystem) throws {
    guard ExperimentFolder.isName(name) else { return nil }
    let folder = results.experiment(name)
    guard folder.hasConfig else { return nil }
    let bytes = try files.readAll(folder.configFile)
    self.init(
      try Experiment(bytes: bytes, path: folder.configFile), name: name, folder: folder,
      configFolder: folder.origin(in: files) ?? "")
  }

  func run(_ id: String) -> PlacedRun? { places[id].map { runs[$0] } }

  /// What people should know of runs that have ended, where the data have other content now than they were trained on, or the
  /// program computes otherwise; nil for nothing.
  ///
  /// - Parameters:
  ///   - sha256: of the data's content now.
  ///   - dataset: the data.
  func changes(since sha256: String, of dataset: DatasetConfiguration, _ files: any FileSystem) -> String? {
    var (others, older) = (0, 0)
    for run in runs where run.plan.dataset.name == dataset.name && run.plan.dataset.idx == dataset.idx {
      guard let record = try? RunRecord(reading: run.folder.recordFile, in: files),
        run.hasEnded(record, in: files),
        let hash = record.runHash, let before = record.dataSHA256
      else { continue }
      if before != sha256 { others += 1 }
      if run.hasOtherNumerics(hash, dataSHA256: before, in: files) { older += 1 }
    }
    var parts: [String] = []
    if others > 0 { parts.append("\(Self.runs(others)) trained on data of other content than there is now") }
    if older > 0 { parts.append("\(Self.runs(older)) trained by a program that computed otherwise") }
    guard !parts.isEmpty else { return nil }
    return "\(name): \(parts.joined(separator: ", ")): left as they are; `bitlab restart` trains them again"
  }

  private static func runs(_ count: Int) -> String {
    count == 1 ? "1 run that has ended was" : "\(count) runs that have ended were"
  }
}

extension PlacedExperiment {
  /// Whether every run of the plan has completed.
  func hasCompleted(in files: any FileSystem) -> Bool {
    runs.allSatisfy { (try? RunRecord(reading: $0.folder.recordFile, in: files))?.status == .completed }
  }

  /// The runs that somebody has begun and left before their end.
  func unfinished(in files: any FileSystem) -> [RunRecord] {
    runs.compactMap { try? RunRecord(reading: $0.folder.recordFile, in: files) }.filter {
      !$0.status.hasEnded
    }
  }
}

/// An experiment has runs that have begun and not ended, and that no queue knows.
struct UnfinishedExperiment: Error, CustomStringConvertible {
  let description: String

  /// nil for an experiment of which all that has begun has ended, or of which nobody can tell.
  init?(_ name: String, in results: ResultsFolder, _ files: any FileSystem) {
    guard let placed = (try? PlacedExperiment(reading: name, in: results, files)) ?? nil else { return nil }
    let open = placed.unfinished(in: files)
    guard let first = open.first else { return nil }
    let others = open.count > 1 ? " and \(open.count - 1) more" : ""
    description =
      "\(name): \(first.run)\(others) \(open.count > 1 ? "have" : "has") not ended: run or submit its config to end it, or "
      + "delete \(placed.folder.path) yourself"
  }
}
