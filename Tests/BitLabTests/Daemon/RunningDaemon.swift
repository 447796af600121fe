import Files
import Foundation
import Testing

/// A daemon in a program's folder, its log in a file.
final class RunningDaemon {
  let process: Process
  private let program: Program

  /// Starts it and waits until it answers.
  convenience init(_ program: Program, _ arguments: String...) throws {
    try self.init(starting: program, arguments)
    try waitUntilItAnswers()
  }

  /// Starts it as the last command of a shell that first does something else, and waits until it answers.
  init(_ program: Program, after preparation: String, _ arguments: String...) throws {
    self.program = program
    process = program.process(after: preparation, ["daemon"] + arguments)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try waitUntilItAnswers()
  }

  /// Starts it.
  init(starting program: Program, _ arguments: [String] = []) throws {
    self.program = program
    process = program.process(["daemon", "--jobs", "2"] + arguments)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  deinit {
    if process.isRunning { kill() }
  }

  private func waitUntilItAnswers() throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline {
      let status = try program("status", "--json")
      if let value = try? program.json(status.output) as? [String: Any], value["daemon"] is [String: Any] {
        return
      }
      try #require(process.isRunning, "the daemon ended with code \(process.code)")
      // Nothing tells that a socket has appeared; each look starts a process, which takes its time.
    }
    Issue.record("the daemon did not answer in 30 seconds")
  }

  /// kill -9.
  func kill() {
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  func terminate() -> Int32 {
    Foundation.kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    return process.code
  }
}

extension Program {
  /// Puts a config where the daemon watches, as `mv` does.
  func drop(_ text: String, as name: String) throws {
    try put(text, as: "drop/\(name)")
    try FileManager.default.createDirectory(atPath: file("configs/queue"), withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: file("drop/\(name)"), toPath: file("configs/queue/\(name)"))
  }

  /// The runs that `status` lists, by name.
  func status(ended: Bool = false) throws -> [String: [String: Any]] {
    let result = ended ? try self("status", "--ended", "--json") : try self("status", "--json")
    let value = try #require(try json(result.output) as? [String: Any], "\(result.errors)")
    let runs = try #require(value["runs"] as? [[String: Any]])
    return Dictionary(uniqueKeysWithValues: runs.map { ("\($0["experiment"] ?? "")/\($0["run"] ?? "")", $0) })
  }
}
