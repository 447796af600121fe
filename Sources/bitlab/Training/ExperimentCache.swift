import Experiments
import Files
import Foundation
import Scheduler
import Synchronization

/// The experiments behind the queue's submissions: parsed when they are needed, and the last few kept.
///
/// What was accepted counts, or what it has grown to since. A `config.json` that somebody has edited in the results folder is
/// said, and not used.
final class ExperimentCache: Sendable {
  private struct State {
    var kept: [(fingerprint: String, config: [UInt8], experiment: PlacedExperiment)] = []
    /// Experiments that have been accepted and not begun, as they were read when they came, by their submissions' fingerprints.
    var accepted: [String: (experiment: Experiment, plan: [RunPlan])] = [:]
    /// Edited configs that have been said, by their folder.
    var said: [String: [UInt8]] = [:]
  }

  private let results: ResultsFolder
  private let files: any FileSystem
  private let state = Mutex(State())
  /// Held by whoever writes a config: runs that begin together have the same one to write, or find it damaged.
  private let writing = NSLock()
  private static let capacity = 64
  /// More than this many that wait are read again when they begin.
  private static let mostAccepted = 256
  /// Called with the name of a submission whose config is in its folder now.
  private let placed: @Sendable (String) -> Void
  private let log: @Sendable (String) -> Void

  init(
    _ results: ResultsFolder, files: any FileSystem, log: @escaping @Sendable (String) -> Void,
    placed: @escaping @Sendable (String) -> Void
  ) {
    self.results = results
    self.files = files
    self.log = log
    self.placed = placed
  }

  /// The experiment, with its folder made and its config written where they were not.
  ///
  /// Throws `FileError`, or what is wrong with a config that was accepted once.
  func experiment(_ submission: Submission) throws -> PlacedExperiment {
    let folder = results.experiment(submission.name)
    let isThere = files.exists(folder.configFile)
    guard !submission.isPlaced || isThere || submission.payload != nil && files.exists(folder.runsFolder)
    else {
      throw RunFailure(
        kind: .content, "\(folder.configFile) is not there any more: submit the config again to begin anew")
    }
    var file = try accepted(submission, folder)
    if submission.isPlaced {
      file = newest(file, submission, folder)
      if let found = kept(submission, file) { return found }
    }
    let (known, plan) = takeAccepted(submission)
    let placed = PlacedExperiment(
      try known ?? Experiment(file), name: submission.name, folder: folder, configFolder: submission.folder,
      plan: plan)
    if !submission.isPlaced {
      try writing.withLock { try place(placed, file) }
      self.placed(submission.name)
    }
    keep(placed, file, submission)
    return placed
  }

  /// Keeps an experiment that was accepted until a run of it begins: its config need not be read once more.
  func accepted(_ experiment: Experiment, _ plan: [RunPlan], _ submission: Submission) {
    state.withLock { state in
      if state.accepted.count < Self.mostAccepted {
        state.accepted[submission.fingerprint] = (experiment, plan)
      }
    }
  }

  private func takeAccepted(_ submission: Submission) -> (Experiment?, [RunPlan]?) {
    guard !submission.isPlaced else { return (nil, nil) }
    let found = state.withLock { $0.accepted.removeValue(forKey: submission.fingerprint) }
    return (found?.experiment, found?.plan)
  }

  /// The config as it was accepted. Journals of earlier versions leave it to the folder, and know its hash.
  private func accepted(_ submission: Submission, _ folder: ExperimentFolder) throws -> ConfigurationFile {
    if let payload = submission.payload {
      return ConfigurationFile(
        path: FilePath.join(submission.folder, "config.json"), bytes: Array(payload.utf8),
        overrides: submission.note.map { [ConfigurationOverride](text: $0) } ?? [])
    }
    let file = ConfigurationFile(path: folder.configFile, bytes: try files.readAll(folder.configFile))
    guard try Experiment(file).configHash == submission.configHash else {
      throw RunFailure(
        kind: .content,
        "\(folder.configFile) has been changed since it was accepted: put it back as it was, or submit the config again"
      )
    }
    return file
  }

  private func kept(_ submission: Submission, _ file: ConfigurationFile) -> PlacedExperiment? {
    state.withLock { state in
      state.kept.last {
        $0.experiment.name == submission.name && $0.fingerprint == submission.fingerprint
          && $0.config == file.bytes
      }?.experiment
    }
  }

  private func keep(_ experiment: PlacedExperiment, _ file: ConfigurationFile, _ submission: Submission) {
    state.withLock { state in
      state.kept.removeAll { $0.experiment.name == submission.name }
      if state.kept.count == Self.capacity { state.kept.removeFirst() }
      state.kept.append((submission.fingerprint, file.bytes, experiment))
    }
  }

  /// Writes the config into its folder, where it is not there yet.
  private func place(_ placed: PlacedExperiment, _ file: ConfigurationFile) throws {
    let placement = ExperimentPlacement(results: results, files: files)
    switch placement.fit(placed, file) {
    case .empty: try placement.write(file, of: placed)
    case .continues(let continuation): try placement.update(file, of: placed, continuation)
    case .taken(let reason):
      throw RunFailure(
        kind: .content,
        "\(placed.folder.path) has come to hold results of \(reason.text) since this one was accepted: move that away, and restart this one"
      )
    }
  }

  /// Puts the config that was accepted in the place of something that is none, and keeps that under another name; or where there
  /// is nothing any more. Without its config an experiment is known to nobody.
  private func putBack(_ file: ConfigurationFile, in folder: ExperimentFolder) {
    writing.lock()
    defer { writing.unlock() }
    // Another run may have done so meanwhile.
    if let found = try? files.readAll(folder.configFile), found == file.bytes { return }
    do {
      var what = "was not there any more"
      if files.exists(folder.configFile) {
        // A file is replaced at once: nobody who looks meanwhile finds none.
        let kept =
          folder.hasConfig
          ? try DamagedFile.copyAside(folder.configFile, in: files)
          : try DamagedFile.putAside(folder.configFile, in: files)
        what = "was no config any more, kept as \(kept)"
      }
      try DurableFile.write(file.bytes, to: folder.configFile, in: files)
      let placement = ExperimentPlacement(results: results, files: files)
      let isNewest = placement.isNewest(file.bytes, in: folder)
      log(
        "\(folder.configFile) \(what): what was accepted is put back"
          + (isNewest ? "" : "; `bitlab run` had let the experiment grow since: run that config again"))
    } catch {
      log("\(error)")
    }
  }

  /// The config that counts now: what was accepted, or what the experiment has grown to since by `bitlab run`. An edit by hand
  /// is said, once.
  private func newest(
    _ file: ConfigurationFile, _ submission: Submission, _ folder: ExperimentFolder
  ) -> ConfigurationFile {
    guard let found = try? files.readAll(folder.configFile) else {
      // What a disk does not give now may be right.
      if !folder.hasConfig { putBack(file, in: folder) }
      return file
    }
    if found == file.bytes { return file }
    let edited = ConfigurationFile(path: file.path, bytes: found)
    if ExperimentPlacement(results: results, files: files).hasGrown(from: file.bytes, to: found, in: folder) {
      return edited
    }
    let isNew = state.withLock { state in
      if state.said.count > Self.capacity { state.said = [:] }
      return state.said.updateValue(found, forKey: folder.path) != found
    }
    guard let experiment = try? Experiment(edited) else {
      putBack(file, in: folder)
      return file
    }
    guard isNew, experiment.configHash != submission.configHash else { return file }
    log(
      "\(folder.configFile) has been changed since it was accepted; what was accepted counts: submit it to use it"
    )
    return file
  }
}
