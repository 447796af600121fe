import Experiments
import Files
import Scheduler
import Synchronization

/// The experiments behind the queue's submissions: parsed when they are needed, and the last few kept.
final class ExperimentShelf: Sendable {
  private let results: ResultsFolder
  private let files: any FileSystem
  private let kept = Mutex<[(name: String, experiment: PlacedExperiment)]>([])
  private static let capacity = 64

  init(_ results: ResultsFolder, files: any FileSystem) {
    self.results = results
    self.files = files
  }

  /// The experiment, with its folder made and its config written where they were not.
  ///
  /// Throws `FileError`, or what is wrong with a config that was accepted once.
  func experiment(_ submission: Submission) throws -> PlacedExperiment {
    if let found = kept.withLock({ kept in kept.last { $0.name == submission.name } }) {
      return found.experiment
    }
    let folder = results.experiment(submission.name)
    if let payload = submission.payload, !files.exists(folder.configFile) {
      let file = ConfigurationFile(
        path: FilePath.join(submission.folder, "config.json"), bytes: Array(payload.utf8))
      try ExperimentPlacement(results: results, files: files).fill(folder, with: Experiment(file), file)
    }
    let experiment = try Experiment(bytes: try files.readAll(folder.configFile), path: folder.configFile)
    let placed = PlacedExperiment(
      experiment: experiment, name: submission.name, folder: folder, configFolder: submission.folder)
    kept.withLock { kept in
      if kept.count == Self.capacity { kept.removeFirst() }
      kept.append((submission.name, placed))
    }
    return placed
  }

  func folder(of id: JobID) -> RunFolder { results.experiment(id.submission).run(id.job) }
}
