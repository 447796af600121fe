import Foundation
import Scheduler
import Synchronization

/// Runs a person's command whenever an experiment has ended.
///
/// The command comes from the daemon's own command line, never from a config; it runs by `/bin/sh -c` with the experiment in
/// its environment.
final class FinishHook: Sendable {
  private let command: String
  private let results: String
  private let log: @Sendable (String) -> Void
  /// Experiments whose end has been told.
  private let told = Mutex<Set<String>>([])

  init(_ command: String, results: String, log: @escaping @Sendable (String) -> Void) {
    self.command = command
    self.results = results
    self.log = log
  }

  /// Takes note of what had ended before the daemon began: nobody is told of it again.
  func begin(_ state: QueueState) {
    told.withLock { told in told = Set(state.submissions.keys.filter { Self.status($0, state) != nil }) }
  }

  /// Looks which experiments have ended since, or go on again.
  func look(_ state: QueueState) {
    var due: [(name: String, status: String)] = []
    told.withLock { told in
      for name in state.submissions.keys {
        guard let status = Self.status(name, state) else {
          told.remove(name)
          continue
        }
        if told.insert(name).inserted { due.append((name, status)) }
      }
    }
    for one in due { run(one.name, one.status) }
  }

  /// `completed`, `partial` or `failed` as in the summary; nil while a run has not ended.
  private static func status(_ name: String, _ state: QueueState) -> String? {
    guard let submission = state.submissions[name] else { return nil }
    let ends = state.jobs(of: submission).map { job -> JobEnd? in
      if case .ended(let end) = job.entry.status { end } else { nil }
    }
    guard ends.allSatisfy({ $0 != nil }) else { return nil }
    let completed = ends.count { $0?.kind == .completed }
    return completed == ends.count ? "completed" : completed > 0 ? "partial" : "failed"
  }

  private func run(_ name: String, _ status: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
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
