import Files
import Foundation
import Testing

/// The built program, run as a process in a folder of its own.
final class Program {
  let path: String
  private let files = POSIXFileSystem()

  /// The executable that lies beside the tests.
  private static let executable: URL = {
    let tests = URL(fileURLWithPath: CommandLine.arguments[0]).standardizedFileURL
    return tests.deletingLastPathComponent().appendingPathComponent("bitlab")
  }()

  /// Nothing of whoever runs the tests, but for what makes a sanitized program fail.
  private static let environment: [String: String] = {
    let own = ProcessInfo.processInfo.environment.filter { $0.key == "TSAN_OPTIONS" }
    return own.merging(["PATH": "/usr/bin:/bin", "TERM": "xterm"]) { $1 }
  }()

  init() throws {
    path = NSTemporaryDirectory() + "/bitlab-program-" + UUID().uuidString
    try files.createFolders(path)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  struct Result {
    /// The exit code, or the signal's number below zero.
    var code: Int32
    var output: String
    var errors: String
  }

  /// Runs the program to its end.
  @discardableResult
  func callAsFunction(
    _ arguments: String..., environment: [String: String] = [:], output: FileHandle? = nil
  ) throws -> Result {
    try run(Self.executable.path, arguments, environment: environment, output: output)
  }

  /// Runs the program as the last command of a shell that first does something else.
  func run(after preparation: String, _ arguments: [String]) throws -> Result {
    try run("/bin/sh", Self.words(after: preparation, arguments))
  }

  /// The same, to be started.
  func process(after preparation: String, _ arguments: [String]) -> Process {
    process("/bin/sh", Self.words(after: preparation, arguments), [:])
  }

  private static func words(after preparation: String, _ arguments: [String]) -> [String] {
    ["-c", preparation + #"; exec "$0" "$@""#, executable.path] + arguments
  }

  /// Runs a shell's command in which `$0` is the program.
  func shell(_ command: String) throws -> Result {
    try run("/bin/sh", ["-c", command, Self.executable.path])
  }

  /// A shell at whose prompt one types, with the program on its path. The prompt has the last exit code.
  func interactiveShell() -> Process {
    let folder = Self.executable.deletingLastPathComponent().path
    return process(
      "/usr/bin/setsid", ["--wait", "--ctty", "bash", "--norc", "--noprofile", "-i"],
      [
        "PATH": "\(folder):/usr/bin:/bin", "PS1": "<$?>$ ", "INPUTRC": "/dev/null",
        "HISTFILE": "/dev/null",
      ])
  }

  func shellProcess(_ command: String) -> Process {
    process("/bin/sh", ["-c", command, Self.executable.path], [:])
  }

  private func run(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    output: FileHandle? = nil
  ) throws -> Result {
    let process = process(executable, arguments, environment)
    // Files, since a pipe that nobody reads would hold the program up.
    let (out, errors) = (file(".stdout-\(UUID())"), file(".stderr-\(UUID())"))
    for path in [out, errors] { try Data().write(to: URL(fileURLWithPath: path)) }
    process.standardOutput = try output ?? FileHandle(forWritingTo: URL(fileURLWithPath: out))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
    try process.run()
    process.waitUntilExit()
    return Result(code: process.code, output: try files.readText(out), errors: try files.readText(errors))
  }

  /// Begins to run the program; what it says on stderr is read with `RunningProgram`.
  func start(_ arguments: String...) throws -> RunningProgram {
    let process = process(Self.executable.path, arguments, [:])
    return try RunningProgram(process)
  }

  func process(_ arguments: [String], environment: [String: String] = [:]) -> Process {
    process(Self.executable.path, arguments, environment)
  }

  private func process(_ executable: String, _ arguments: [String], _ environment: [String: String])
    -> Process
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: path)
    process.environment = Self.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    return process
  }

  // MARK: - Files, named relative to the folder

  func file(_ name: String) -> String { FilePath.join(path, name) }
  func exists(_ name: String) -> Bool { files.exists(file(name)) }
  func text(_ name: String) throws -> String { try files.readText(file(name)) }
  func bytes(_ name: String) throws -> [UInt8] { try files.readAll(file(name)) }
  func names(_ folder: String) throws -> [String] { try files.list(file(folder)) }

  /// Whether a table has so many rows by now.
  func hasRow(_ number: Int, in name: String) throws -> Bool {
    exists(name) ? try bytes(name).count { $0 == UInt8(ascii: "\n") } > number : false
  }

  func put(_ text: String, as name: String) throws {
    try files.createFolders(FilePath.folder(of: file(name)))
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
  }

  /// What must be the same to the byte, by the file's name below the experiment's folder.
  func results(_ folder: String) throws -> [String: [UInt8]] { try experimentResults(file(folder)) }

  /// The value of a run's `run.json`.
  func record(_ folder: String, _ run: String) throws -> [String: Any] {
    try #require(try json(text("\(folder)/runs/\(run)/run.json")) as? [String: Any])
  }

  /// The one JSON value that a text is.
  func json(_ text: String) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
  }
}

/// What must be the same to the byte of an experiment that has ended, by the file's name below the experiment's folder.
func experimentResults(_ folder: String) throws -> [String: [UInt8]] {
  let files = POSIXFileSystem()
  var found = ["curves.csv": try files.readAll(folder + "/curves.csv")]
  for run in try files.list(folder + "/runs") {
    for name in ["curve.csv", "steps.csv", "model.safetensors"] {
      found["\(run)/\(name)"] = try files.readAll("\(folder)/runs/\(run)/\(name)")
    }
  }
  return found
}

/// The program while it runs. It cannot run ahead of who reads it by more than the few lines that fit into the pipe.
final class RunningProgram {
  let process: Process
  private let pipe = Pipe()
  private var unread = ""
  private(set) var said = ""

  init(_ process: Process) throws {
    self.process = process
    let (setPipeSize, page) = (Int32(1031), Int32(4096))
    _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, setPipeSize, page)
    process.standardError = pipe
    process.standardOutput = FileHandle.nullDevice
    try process.runUnblocked()
  }

  /// Reads until a line contains the text; fails where the program ends before.
  func read(until text: String) throws {
    while !said.contains(text) {
      let data = pipe.fileHandleForReading.availableData
      try #require(!data.isEmpty, "the program ended before it said \(text): \(said)")
      said += String(decoding: data, as: UTF8.self)
    }
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Reads the rest and returns the exit code.
  func finish() -> Int32 {
    said += String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return process.code
  }
}

extension Process {
  /// Begins to run, as from a shell: what signals are blocked is inherited, and Dispatch's threads block most of them.
  func runUnblocked() throws {
    // Nor does a child ignore what whoever started the tests has them ignore.
    for number in [SIGINT, SIGHUP] { signal(number, SIG_DFL) }
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_UNBLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try run()
  }

  /// The exit code, or the number of the signal that ended the process, below zero.
  var code: Int32 { terminationReason == .exit ? terminationStatus : -terminationStatus }
}

/// An experiment on the built-in digits.
struct ConfigText {
  var name = "tiny"
  var epochs = 2
  var rate = "0.01"
  /// More members of `training`, with a comma in front.
  var training = ""
  var variants = #"{"name": "full", "bits": 32}, {"name": "two", "bits": 2}"#
  var seeds = "[0, 1]"
  var dataset = #"{"name": "digits", "train_limit": 50, "validation_limit": 20}"#
  /// More members, with a comma in front.
  var rest = ""

  var text: String {
    """
    {
      "name": "\(name)",
      "dataset": \(dataset),
      "model": {"type": "mlp", "hidden": [8]},
      "training": {"epochs": \(epochs), "batch_size": 16, "learning_rate": \(rate), "log_every_steps": 1\(training)},
      "variants": [\(variants)],
      "seeds": \(seeds)\(rest)
    }
    """
  }
}
