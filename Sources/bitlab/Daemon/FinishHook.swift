import CSystem
import Dispatch
import Experiments
import Files
import Foundation
import Scheduler
import Synchronization

/// Runs a person's commands whenever an experiment has ended, one after the other: thirty experiments that end together, as
/// after `cancel --all`, begin no thirty programs.
///
/// The commands come from the command line, never from a config; they run by `/bin/sh -c` with the experiment in their
/// environment. What they print goes to stderr: stdout is for results.
final class FinishHook: Sendable {
  struct Commands: Sendable {
    var onFinish: String?
    /// Where a run failed or diverged.
    var onFailure: String?
  }

  private struct State {
    /// Experiments whose turn has not come.
    var waiting: Set<String> = []
    var isClosed = false
  }

  private let commands: Commands
  private let results: String
  private let log: @Sendable (String) -> Void
  /// Has a command that runs, and those that wait behind it.
  private let queue = DispatchQueue(label: "bitlab.on-finish", qos: .utility)
  private let state = Mutex(State())

  /// Returns nil where there is no command.
  init?(_ commands: Commands, results: String, log: @escaping @Sendable (String) -> Void) {
    if commands.onFinish == nil, commands.onFailure == nil { return nil }
    self.commands = commands
    self.results = FilePath.absolute(results)
    self.log = log
  }

  /// Tells of an experiment when its turn comes.
  ///
  /// - Parameters:
  ///   - ends: how its runs have ended, asked for then; nil where they go on.
  ///   - told: called when the command runs, or cannot be run.
  func tell(
    _ name: String, ends: @escaping @Sendable () -> [JobEnd]?, told: @escaping @Sendable () -> Void
  ) {
    guard state.withLock({ $0.waiting.insert(name).inserted }) else { return }
    queue.async { [self] in
      let isClosed = state.withLock { state in
        state.waiting.remove(name)
        return state.isClosed
      }
      guard !isClosed, let ends = ends() else { return }
      let completed = ends.count { $0.kind == .completed }
      let isWhole = completed == ends.count && hasCompleted(name)
      let status = isWhole ? "completed" : completed > 0 ? "partial" : "failed"
      let hasFailed = ends.contains { RunStatus($0.kind).hasFailed }
      let due = [("--on-finish", commands.onFinish), ("--on-failure", hasFailed ? commands.onFailure : nil)]
      // A daemon that dies while one runs has told of the end.
      var isTold = false
      for case (let option, let command?) in due {
        run(command, as: option, name, status) {
          if !isTold { told() }
          isTold = true
        }
      }
      if !isTold { told() }
    }
  }

  /// Whether every run that the experiment's config plans has completed, those that nobody asked to begin included. Where
  /// nobody can tell, what has ended decides.
  private func hasCompleted(_ name: String) -> Bool {
    let files = POSIXFileSystem()
    let placed = (try? PlacedExperiment(reading: name, in: ResultsFolder(results), files)) ?? nil
    return placed?.hasCompleted(in: files) ?? true
  }

  /// Returns when those have ended whose turn has come.
  func wait() { queue.sync {} }

  /// From now on no command begins. One that runs is left to itself.
  func close() { state.withLock { $0.isClosed = true } }

  private func run(
    _ command: String, as option: String, _ name: String, _ status: String, _ told: () -> Void
  ) {
    var process = pid_t()
    let code = spawn(
      command, &process,
      [
        "BITLAB_EXPERIMENT": name, "BITLAB_STATUS": status, "BITLAB_FOLDER": "\(results)/\(name)",
      ])
    told()
    guard code == 0 else {
      return log("\(name): \(option) could not be run: \(String(cString: strerror(code)))")
    }
    var end: Int32 = 0
    while waitpid(process, &end, 0) < 0 {
      if errno != EINTR { return }
    }
    let signal = end & 0x7F
    if signal != 0 {
      log("\(name): \(option) was ended by signal \(signal)")
    } else if end >> 8 != 0 {
      log("\(name): \(option) ended with code \(end >> 8 & 0xFF)")
    }
  }

  /// Begins the command with these variables beside the process's own, which are passed on byte for byte. Returns the system's
  /// error, 0 for none.
  private func spawn(_ command: String, _ process: inout pid_t, _ variables: [String: String]) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    // As a shell would begin it: Dispatch's threads block signals, and this program ignores these two. In a group of its own
    // a Ctrl-C for the daemon does not end it.
    var (none, ignored) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&ignored)
    for signal in [SIGPIPE, SIGXFSZ] { sigaddset(&ignored, signal) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &ignored)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    typealias Text = UnsafeMutablePointer<CChar>?
    // A command is to find the limit that this process was started with: programs that use select trust in a low one.
    let script = "ulimit -S -n \(DescriptorLimit.atStart)\n\(command)"
    var words: [Text] = ["/bin/sh", "-c", script].map { (word: String) -> Text in strdup(word) } + [nil]
    let own: [Text] = variables.map { strdup("\($0)=\($1)") }
    defer { for text in words + own { free(text) } }
    var environment: [Text] = []
    var next = csystem_environment()
    while let place = next, let entry = place.pointee {
      let isReplaced = variables.keys.contains { strncmp(entry, $0 + "=", $0.utf8.count + 1) == 0 }
      if !isReplaced { environment.append(entry) }
      next = place + 1
    }
    environment += own + [nil]
    return posix_spawn(&process, "/bin/sh", &actions, &attributes, &words, &environment)
  }
}
