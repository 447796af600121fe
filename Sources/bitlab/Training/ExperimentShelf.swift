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
  /// Called with the name of a submission whose config is in its folder now.
  private let placed: @Sendable (String) -> Void

  init(_ results: ResultsFolder, files: any FileSystem, placed: @escaping @Sendable (String) -> Void) {
    self.results = results
    self.files = files
    self.placed = placed
  }

  /// The experiment, with its folder made and its config written where they were not.
  ///
  /// Throws `FileError`, or what is wrong with a config that was accepted once.
  func experiment(_ submission: Submission) throws -> PlacedExperiment {
    let folder = results.experiment(submission.name)
    guard submission.payload != nil || files.exists(folder.configFile) else {
      throw RunFailure(
        kind: .content, "\(folder.configFile) is not there any more: submit the config again to begin anew")
    }
    if submission.payload == nil,
      let found = kept.withLock({ kept in kept.last { $0.name == submission.name } })
    {
      return found.experiment
    }
    if let payload = submission.payload {
      let file = ConfigurationFile(
        path: FilePath.join(submission.folder, "config.json"), bytes: Array(payload.utf8))
      try place(try Experiment(file), file, in: folder)
    }
    let experiment = PlacedExperiment(
      try Experiment(bytes: try files.readAll(folder.configFile), path: folder.configFile),
      name: submission.name, folder: folder, configFolder: submission.folder)
    if submission.payload != nil { placed(submission.name) }
    kept.withLock { kept in
      kept.removeAll { $0.name == submission.name }
      if kept.count == Self.capacity { kept.removeFirst() }
      kept.append((submission.name, experiment))
    }
    return experiment
  }

  /// Writes the config into its folder, where it is not there yet.
  private func place(_ experiment: Experiment, _ file: ConfigurationFile, in folder: ExperimentFolder) throws
  {
    let placement = ExperimentPlacement(results: results, files: files)
    if !files.exists(folder.configFile) { return try placement.fill(folder, with: experiment, file) }
    guard placement.holds(experiment, file, folder) else {
      throw RunFailure(
        kind: .content,
        "\(folder.path) has come to hold another experiment since this one was accepted: move that away, and restart this one"
      )
    }
  }
}
