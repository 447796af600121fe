import Experiments
import Files
import Foundation

/// An experiment with its folder under the results.
struct PlacedExperiment: Sendable {
  let experiment: Experiment
  /// The name of its folder: the config's, or that with a number.
  let name: String
  let folder: ExperimentFolder
  /// Where the config came from, if that matters.
  let configFolder: String
  /// Every run of the plan, in order.
  let runs: [PlacedRun]
  private let places: [String: Int]

  init(_ experiment: Experiment, name: String, folder: ExperimentFolder, configFolder: String) {
    self.experiment = experiment
    self.name = name
    self.folder = folder
    self.configFolder = configFolder
    let hash = experiment.configHash
    runs = Plan(experiment).runs.map {
      PlacedRun(
        $0, experiment: name, configHash: hash, configFolder: configFolder, folder: folder.run($0.id),
        threads: experiment.threads, timeLimitSeconds: experiment.timeLimitSeconds)
    }
    places = Dictionary(uniqueKeysWithValues: runs.enumerated().map { ($1.plan.id, $0) })
  }

  func run(_ id: String) -> PlacedRun? { places[id].map { runs[$0] } }
}

/// Finds or makes the folder of an experiment: the same config continues in its own, another of the same name never
/// touches it.
struct ExperimentPlacement {
  let results: ResultsFolder
  let files: any FileSystem
  /// What the queue has accepted under a name, by its fingerprint, that may have no folder yet.
  var accepted: [String: String] = [:]

  func place(_ experiment: Experiment, _ file: ConfigurationFile) throws -> PlacedExperiment {
    var number = 1
    while true {
      let name = number == 1 ? experiment.name : "\(experiment.name)-\(number)"
      let folder = results.experiment(name)
      func placed() -> PlacedExperiment {
        PlacedExperiment(experiment, name: name, folder: folder, configFolder: file.folder)
      }
      if let other = accepted[name], other != Self.fingerprint(experiment, file) {
        number += 1
        continue
      }
      if !files.exists(folder.path) || isUnfinished(folder) {
        try fill(folder, with: experiment, file)
        return placed()
      }
      if holds(experiment, file, folder) { return placed() }
      number += 1
    }
  }

  /// Whether someone was stopped between making the folder and writing its config: nothing else is in it.
  func isUnfinished(_ folder: ExperimentFolder) -> Bool {
    let runs = FilePath.name(of: folder.runsFolder)
    guard let names = try? files.list(folder.path),
      names.allSatisfy({ $0 == runs || $0.hasPrefix(".") })
    else { return false }
    return !names.contains(runs) || (try? files.list(folder.runsFolder)) == []
  }

  /// Whether the folder's config is equal to this one, and means the same files. A folder without a readable config is
  /// somebody else's.
  func holds(_ experiment: Experiment, _ file: ConfigurationFile, _ folder: ExperimentFolder) -> Bool {
    guard folder.hasConfig, let bytes = try? files.readAll(folder.configFile),
      (try? Experiment(bytes: bytes, path: folder.configFile)) == experiment
    else { return false }
    guard experiment.namesFiles, let origin = try? files.readText(folder.originFile) else { return true }
    return origin == Self.absolute(file.folder) + "\n"
  }

  /// The same for equal experiments that mean the same files.
  static func fingerprint(_ experiment: Experiment, _ file: ConfigurationFile) -> String {
    experiment.configHash + (experiment.namesFiles ? " " + absolute(file.folder) : "")
  }

  /// Makes the folder and writes the config, and where it lies if it names files.
  func fill(_ folder: ExperimentFolder, with experiment: Experiment, _ file: ConfigurationFile) throws {
    try folder.create(in: files)
    if experiment.namesFiles {
      try DurableFile.write(Self.absolute(file.folder) + "\n", to: folder.originFile, in: files)
    }
    try DurableFile.write(file.bytes, to: folder.configFile, in: files)
  }

  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }
}

extension Experiment {
  /// Whether the config names files relative to itself.
  fileprivate var namesFiles: Bool {
    Plan(self).runs.contains { $0.dataset.idx != nil || $0.training.initialWeights != nil }
  }
}
