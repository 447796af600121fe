import Experiments
import Files

/// The files that an experiment's runs add up to: the merged curves and the summary.
struct ExperimentReport {
  let experiment: Experiment
  let name: String
  let folder: ExperimentFolder
  let files: any FileSystem

  init(_ placed: PlacedExperiment, in files: any FileSystem) {
    self.init(experiment: placed.experiment, name: placed.name, folder: placed.folder, files: files)
  }

  init(experiment: Experiment, name: String, folder: ExperimentFolder, files: any FileSystem) {
    self.experiment = experiment
    self.name = name
    self.folder = folder
    self.files = files
  }

  /// What the runs' records say now. One that is no record counts as that of a run that has not begun; throws where the disk
  /// does not give one.
  ///
  /// - Parameter failed: runs, by id, that failed in this process: a full disk may have kept their records from saying so.
  func summary(failed: Set<String> = []) throws(FileError) -> Summary {
    var groups: [SummaryGroup] = []
    for run in Plan(experiment).runs {
      let grid = run.gridPoint.map { GridText($0) }
      if groups.last?.variant != run.variant || groups.last?.grid != grid {
        groups.append(
          SummaryGroup(variant: run.variant, bits: run.precision.rawValue, grid: grid, seeds: [], runs: []))
      }
      groups[groups.count - 1].seeds.append(run.seed)
      var record = try record(of: run)
      if failed.contains(run.id) {
        record =
          record
          ?? RunRecord(
            experiment: name, run: run.id, variant: run.variant, seed: run.seed, bits: run.precision.rawValue,
            method: nil, configHash: experiment.configHash, parameters: nil, weightBytes: nil)
        record?.status = .failed
      }
      if let record { groups[groups.count - 1].runs.append(record) }
    }
    return Summary(experiment: name, groups: groups)
  }

  /// Whether the experiment's folder is there; where somebody has moved it away, nothing half made takes its place.
  var isThere: Bool { files.exists(folder.path) }

  private func record(of run: RunPlan) throws(FileError) -> RunRecord? {
    let path = folder.run(run.id).recordFile
    guard files.exists(path) else { return nil }
    do {
      return try RunRecord(reading: path, in: files)
    } catch let error as FileError {
      throw error
    } catch {
      return nil
    }
  }

  /// Writes `curves.csv` and the summary's files.
  func write() throws {
    try MergedCurves.write(
      Plan(experiment).runs.map { folder.run($0.id).curveFile }, gridKeys: experiment.grid.map(\.key),
      to: folder.curvesFile, in: files)
    try summary().write(to: folder, in: files)
  }
}
