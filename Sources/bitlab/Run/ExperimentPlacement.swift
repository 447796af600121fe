import Experiments
import Files

/// An experiment with its folder under the results.
struct PlacedExperiment {
  var experiment: Experiment
  /// The name of its folder: the config's, or that with a number.
  var name: String
  var folder: ExperimentFolder
  var configFolder: String

  /// Every run of the plan, in order.
  var runs: [PlacedRun] {
    let hash = experiment.configHash
    return Plan(experiment).runs.map {
      PlacedRun(
        $0, experiment: name, configHash: hash, configFolder: configFolder, folder: folder.run($0.id),
        threads: experiment.threads, timeLimitSeconds: experiment.timeLimitSeconds)
    }
  }
}

/// Finds or makes the folder of an experiment: the same config continues in its own, another of the same name never
/// touches it.
struct ExperimentPlacement {
  let results: ResultsFolder
  let files: any FileSystem

  func place(_ experiment: Experiment, _ file: ConfigurationFile) throws -> PlacedExperiment {
    var number = 1
    while true {
      let name = number == 1 ? experiment.name : "\(experiment.name)-\(number)"
      let folder = results.experiment(name)
      let placed = PlacedExperiment(
        experiment: experiment, name: name, folder: folder, configFolder: file.folder)
      if !files.exists(folder.path) || isUnfinished(folder) {
        try folder.create(in: files)
        try DurableFile.write(file.bytes, to: folder.configFile, in: files)
        return placed
      }
      if holds(experiment, folder) { return placed }
      number += 1
    }
  }

  /// Whether someone was stopped between making the folder and writing its config: nothing else is in it.
  private func isUnfinished(_ folder: ExperimentFolder) -> Bool {
    let runs = FilePath.name(of: folder.runsFolder)
    guard let names = try? files.list(folder.path),
      names.allSatisfy({ $0 == runs || DurableFile.isTemporary($0) })
    else { return false }
    return !names.contains(runs) || (try? files.list(folder.runsFolder)) == []
  }

  /// Whether the folder's config is equal to this one. A folder without a readable config is somebody else's.
  private func holds(_ experiment: Experiment, _ folder: ExperimentFolder) -> Bool {
    guard files.exists(folder.configFile), let bytes = try? files.readAll(folder.configFile) else {
      return false
    }
    return (try? Experiment(bytes: bytes, path: folder.configFile)) == experiment
  }
}
