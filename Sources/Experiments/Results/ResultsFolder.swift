import Files
import Foundation

/// The folder that all results go to: a folder for each experiment, and `.bitlab` for what is ours alone.
package struct ResultsFolder: Hashable, Sendable {
  package let path: String

  package init(_ path: String) {
    self.path = path
  }

  /// Names in a results folder that are no experiments' and that no experiment can have.
  package static let reservedNames: Set<String> = ["reference", "index.html"]

  /// Locks, journal, socket and log.
  package var stateFolder: String { FilePath.join(path, ".bitlab") }
  /// Held by the one process that owns the folder.
  package var lockFile: String { FilePath.join(stateFolder, "lock") }
  package var journalFile: String { FilePath.join(stateFolder, "journal") }
  /// Where completed runs are, by their hashes.
  package var runIndexFile: String { FilePath.join(stateFolder, "run-index") }
  /// Configs that were accepted and could not be removed from the watched folder.
  package var unremovedFile: String { FilePath.join(stateFolder, "unremoved.json") }
  package var socketFile: String { FilePath.join(stateFolder, "socket") }
  package var daemonLogFile: String { FilePath.join(stateFolder, "daemon.log") }

  package func experiment(_ name: String) -> ExperimentFolder {
    ExperimentFolder(FilePath.join(path, name))
  }

  /// Creates the folder and `.bitlab` where they are missing. Throws `FileError`.
  package func create(in fileSystem: any FileSystem) throws(FileError) {
    try fileSystem.createFolders(stateFolder)
  }

  /// Removes an experiment for whoever looks; its files are deleted by `finishRemovals`, of this process or the next. Throws
  /// `FileError`.
  package func remove(_ name: String, in fileSystem: any FileSystem) throws(FileError) {
    let aside = FilePath.join(stateFolder, Self.removedPrefix + UUID().uuidString)
    try fileSystem.rename(experiment(name).path, to: aside)
    try fileSystem.synchronizeFolder(path)
  }

  /// Deletes the files of removed experiments, which may take its time. Returns the folders in which some could not be
  /// deleted; whoever owns the folder next tries again.
  @discardableResult
  package func finishRemovals(in fileSystem: any FileSystem) -> [String] {
    let removed = ((try? fileSystem.list(stateFolder)) ?? []).filter { $0.hasPrefix(Self.removedPrefix) }
    return removed.map { FilePath.join(stateFolder, $0) }.filter { path in
      (try? FileManager.default.removeItem(atPath: path)) == nil && fileSystem.exists(path)
    }
  }

  /// What to tell people of files that `finishRemovals` has left; nil for none.
  package static func note(ofRemainsIn folders: [String]) -> String? {
    if folders.isEmpty { return nil }
    return "some files could not be deleted, and stay in \(folders.joined(separator: ", ")): "
      + "delete them by hand, as somebody who may"
  }

  private static let removedPrefix = "removed-"

  /// The experiments there are, sorted: folders with a `config.json`. None where the folder is missing.
  package func experimentNames(in fileSystem: any FileSystem) throws(FileError) -> [String] {
    guard fileSystem.exists(path) else { return [] }
    return try fileSystem.list(path).filter { name in
      !name.hasPrefix(".") && !Self.reservedNames.contains(name)
        && experiment(name).hasConfig
    }
  }
}

/// The folder of one experiment.
package struct ExperimentFolder: Hashable, Sendable {
  package let path: String

  package init(_ path: String) {
    self.path = path
  }

  /// The config as submitted, byte for byte.
  package var configFile: String { FilePath.join(path, "config.json") }
  /// Whether the config is there. Something else of its name, a folder or a pipe, is none: reading that would fail, or never
  /// return.
  package var hasConfig: Bool { FilePath.isRegularFile(configFile) }
  /// What the command line set in the config, which has it already; not there where it set nothing.
  package var setFile: String { FilePath.join(path, "set.json") }
  /// Where a config that names other files lies: equal texts in different folders mean different files.
  package var originFile: String { FilePath.join(path, ".origin") }
  /// What it says; nil where the config names none.
  package func origin(in fileSystem: any FileSystem) -> String? {
    (try? fileSystem.readText(originFile)).map { $0.hasSuffix("\n") ? String($0.dropLast()) : $0 }
  }
  /// The SHA-256 of the config as the program wrote it: another one there was edited by hand.
  package var configHashFile: String { FilePath.join(path, ".config.sha256") }
  /// A config that the experiment has grown out of: `config.1.json` is the first.
  package func formerConfigFile(_ number: Int) -> String { FilePath.join(path, "config.\(number).json") }
  /// What was set in that one.
  package func formerSetFile(_ number: Int) -> String { FilePath.join(path, "set.\(number).json") }
  package var curvesFile: String { FilePath.join(path, "curves.csv") }
  package var summaryCSVFile: String { FilePath.join(path, "summary.csv") }
  package var summaryJSONFile: String { FilePath.join(path, "summary.json") }
  package var summaryMarkdownFile: String { FilePath.join(path, "summary.md") }
  package var runsFolder: String { FilePath.join(path, "runs") }

  package func run(_ id: String) -> RunFolder { RunFolder(FilePath.join(runsFolder, id)) }

  /// Whether a folder of that name can be an experiment's: what comes from outside must not lead elsewhere.
  package static func isName(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
      && !ResultsFolder.reservedNames.contains(name)
  }

  /// Creates the folder and `runs` where they are missing. Throws `FileError`.
  package func create(in fileSystem: any FileSystem) throws(FileError) {
    try fileSystem.createFolders(runsFolder)
  }
}

/// The folder of one run.
package struct RunFolder: Hashable, Sendable {
  package let path: String

  package init(_ path: String) {
    self.path = path
  }

  /// The folder of all runs of the experiment.
  package var parent: String { FilePath.folder(of: path) }
  package var curveFile: String { FilePath.join(path, "curve.csv") }
  package var stepsFile: String { FilePath.join(path, "steps.csv") }
  package var timingFile: String { FilePath.join(path, "timing.csv") }
  package var recordFile: String { FilePath.join(path, "run.json") }
  package var logFile: String { FilePath.join(path, "run.log") }
  package var modelFile: String { FilePath.join(path, "model.safetensors") }

  /// The `checkpoint.*` files.
  package func checkpoints(in fileSystem: any FileSystem) -> CheckpointStore {
    CheckpointStore(path, in: fileSystem)
  }

  /// Creates the folder where it is missing. Throws `FileError`.
  package func create(in fileSystem: any FileSystem) throws(FileError) {
    try fileSystem.createFolders(path)
  }
}
