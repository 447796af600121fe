import Glibc

/// A program started by `posix_spawn`: Foundation's `Process` would add milliseconds of its own to what is timed.
final class ChildProcess {
  let pid: pid_t
  let arguments: [String]
  /// The exit code, or 128 and the number of the signal that ended it; nil while it runs.
  private(set) var exitCode: Int32?

  /// - Parameters:
  ///   - arguments: the program's path first.
  ///   - output: where stdout goes, emptied first.
  ///   - errors: where stderr goes.
  init(_ arguments: [String], output: String = "/dev/null", errors: String = "/dev/null") throws {
    self.arguments = arguments
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let replace = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, replace, 0o644)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, replace, 0o644)
    let words = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, arguments[0], &actions, nil, words, environ)
    guard code == 0 else { throw BenchmarkProblem("\(arguments[0]): \(String(cString: strerror(code)))") }
    self.pid = pid
    Leftovers.add(process: pid)
  }

  deinit { end() }

  /// Ends it at once if it still runs.
  func end() {
    guard isRunning else { return }
    kill(pid, SIGKILL)
    wait()
  }

  /// Whether it runs still; never waits.
  var isRunning: Bool {
    reap(WNOHANG)
    return exitCode == nil
  }

  /// Waits for its end.
  @discardableResult
  func wait() -> Int32 {
    while exitCode == nil { reap(0) }
    return exitCode!
  }

  private func reap(_ options: Int32) {
    guard exitCode == nil else { return }
    var status: Int32 = 0
    guard waitpid(pid, &status, options) == pid else { return }
    let signal = status & 0x7f
    exitCode = signal == 0 ? (status >> 8) & 0xff : 128 + signal
    Leftovers.remove(process: pid)
  }
}
