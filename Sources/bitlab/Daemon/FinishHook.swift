import Experiments
import Foundation
import Scheduler

/// Runs a person's command whenever an experiment has ended.
///
/// The command comes from the daemon's own command line, never from a config; it runs by `/bin/sh -c` with the experiment in
/// its environment.
final class FinishHook: Sendable {
  private let command: String
  private let results: String
  private let log: @Sendable (String) -> Void

  init(_ command: String, results: String, log: @escaping @Sendable (String) -> Void) {
    self.command = command
    self.results = results
    self.log = log
  }

  /// Tells of an experiment whose runs have ended so.
  func tell(_ name: String, _ ends: [JobEnd]) {
    let completed = ends.count { $0.kind == .completed }
    run(name, completed == ends.count ? "completed" : completed > 0 ? "partial" : "failed")
  }

  private func run(_ name: String, _ status: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // A command is to find the limit that this process was started with: programs that use select trust in a low one.
    process.arguments = ["-c", "ulimit -S -n \(DescriptorLimit.atStart)\n\(command)"]
    process.environment = ProcessInfo.processInfo.environment.merging([
      "BITLAB_EXPERIMENT": name, "BITLAB_STATUS": status, "BITLAB_FOLDER": "\(results)/\(name)",
    ]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.terminationHandler = { [log] process in
      if process.terminationStatus != 0 {
        log("\(name): --on-finish ended with code \(process.terminationStatus)")
      }
    }
    do {
      try process.run()
    } catch {
      log("\(name): --on-finish could not be run: \(error)")
    }
  }
}
