import Experiments
import Files
import Foundation

/// A daemon in a fresh folder, driven as a person would: by moving files and by the program's verbs.
final class BenchmarkedDaemon {
  struct Settings {
    /// `bitlab`.
    var program: String
    /// Where the fresh folder is made.
    var parent: String
    var data: String

    static let options: Set = ["--bitlab", "--folder", "--data"]

    init(_ options: CommandOptions) throws {
      let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let beside = FilePath.join(FilePath.folder(of: own), "bitlab")
      program = try options.value("--bitlab", beside, CommandOptions.text)
      parent = try options.value("--folder", ".build/benchmarks", CommandOptions.text)
      let environment = ProcessInfo.processInfo.environment["BITLAB_DATA"] ?? ""
      data = try options.value("--data", environment.isEmpty ? "data" : environment, CommandOptions.text)
      guard access(program, X_OK) == 0 else {
        throw BenchmarkProblem("\(program) is no program: build it, or name it with --bitlab")
      }
    }
  }

  let folder: TemporaryFolder
  let results: ResultsFolder
  private let program: String
  private let process: ChildProcess
  private let files = POSIXFileSystem()

  var pid: Int32 { process.pid }
  var queueFolder: String { folder.file("queue") }
  /// Configs wait here, on the queue folder's file system, until they are moved.
  var preparedFolder: String { folder.file("prepared") }

  /// Starts a daemon and waits until it watches its folder.
  ///
  /// - Parameter reuses: whether runs are taken over that are there already.
  init(_ settings: Settings, jobs: Int, reuses: Bool = true) throws {
    folder = try TemporaryFolder(in: settings.parent)
    results = ResultsFolder(folder.file("results"))
    program = settings.program
    try files.createFolders(folder.file("queue"))
    try files.createFolders(folder.file("prepared"))
    process = try ChildProcess(
      [
        program, "daemon", "--results", results.path, "--configs", folder.file("queue"), "--data",
        settings.data,
        "--jobs", String(jobs),
      ] + (reuses ? [] : ["--no-reuse"]))
    let log = results.daemonLogFile
    try wait(patience: 30) { (try? files.readText(log))?.contains(" watching ") == true }
  }

  deinit {
    // Before its folder goes.
    process.end()
  }

  /// Stops it as a service manager does.
  func stop() throws {
    kill(pid, SIGTERM)
    let code = process.wait()
    if code != 0 { throw BenchmarkProblem("the daemon ended with code \(code)") }
  }

  // MARK: - Configs

  /// Writes a config where the daemon does not look, and returns its path.
  @discardableResult
  func prepare(_ text: String, as name: String) throws -> String {
    let path = FilePath.join(preparedFolder, name)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// Waits until prepared files are on the disk, and so old that the daemon need not wait for a later write.
  func settle() {
    sync()
    usleep(500_000)
  }

  /// Moves a prepared config to where the daemon looks, as `mv` does.
  func drop(_ name: String) throws {
    let (source, target) = (FilePath.join(preparedFolder, name), FilePath.join(queueFolder, name))
    guard rename(source, target) == 0 else { throw BenchmarkProblem("\(name) cannot be moved") }
  }

  /// Whether a config lies in the queue folder. Stops at the first: looking must not slow the daemon down.
  var hasConfigsWaiting: Bool {
    guard let stream = opendir(queueFolder) else { return false }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let isHidden = entry.pointee.d_name.0 == CChar(bitPattern: UInt8(ascii: "."))
      if !isHidden, entry.pointee.d_type != UInt8(DT_DIR) { return true }
    }
    return false
  }

  /// Names of configs that the daemon refused.
  var rejected: [String] { (try? files.list(FilePath.join(queueFolder, "rejected"))) ?? [] }

  // MARK: - Verbs

  /// Begins to run a verb.
  func start(_ words: [String], output: String = "/dev/null", errors: String = "/dev/null") throws
    -> ChildProcess
  {
    try ChildProcess([program] + words + ["--results", results.path], output: output, errors: errors)
  }

  /// Runs a verb to its end and returns the seconds that took.
  @discardableResult
  func run(_ words: String..., output: String = "/dev/null") throws -> Double {
    let errors = folder.file("errors")
    let begin = MonotonicClock.now
    let code = try start(words, output: output, errors: errors).wait()
    let seconds = MonotonicClock.now - begin
    if code != 0 {
      throw BenchmarkProblem(
        "bitlab \(words.joined(separator: " ")) ended with code \(code): \((try? files.readText(errors)) ?? "")"
      )
    }
    return seconds
  }

  /// A run as `status --json` has it.
  struct Run: Decodable {
    var experiment: String
    var run: String
    var status: String
  }

  /// Runs, by `status --json`.
  ///
  /// - Parameter ended: of all that have ended, else of what has not and the newest ends.
  func status(ended: Bool = false) throws -> [Run] {
    struct Status: Decodable { var runs: [Run] }
    let path = folder.file("status.json")
    if ended {
      try run("status", "--json", "--ended", output: path)
    } else {
      try run("status", "--json", output: path)
    }
    return try JSONDecoder().decode(Status.self, from: Data(files.readAll(path))).runs
  }

  /// The record of an experiment's only run.
  func record(_ experiment: String) throws -> RunRecord {
    let runs = try files.list(results.experiment(experiment).runsFolder)
    guard let run = runs.first else { throw BenchmarkProblem("\(experiment) has no run") }
    return try RunRecord(reading: results.experiment(experiment).run(run).recordFile, in: files)
  }

  // MARK: - Waiting

  /// Looks until something holds.
  func wait(patience: Double = 600, every microseconds: UInt32 = 2_000, until holds: () -> Bool) throws {
    let deadline = MonotonicClock.now + patience
    while !holds() {
      if !process.isRunning {
        throw BenchmarkProblem("the daemon ended with code \(process.exitCode ?? 0)")
      }
      if MonotonicClock.now > deadline { throw BenchmarkProblem("waited \(Int(patience)) seconds in vain") }
      usleep(microseconds)
    }
  }

  /// Waits until the only run of an experiment has completed.
  func waitUntilCompleted(_ experiment: String) throws {
    var status = RunStatus.queued
    try wait(every: 5_000) {
      status = (try? record(experiment).status) ?? .queued
      return status.hasEnded
    }
    if status != .completed { throw BenchmarkProblem("\(experiment) has \(status.rawValue)") }
  }
}
