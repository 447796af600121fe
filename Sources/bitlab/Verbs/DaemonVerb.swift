import Experiments
import Files

/// `bitlab daemon`: watches the folder of configs and trains what comes, until told to stop.
struct DaemonVerb {
  private let arguments: Arguments
  private let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  init(_ arguments: Arguments, _ console: Console) {
    self.arguments = arguments
    self.console = console
  }

  func run() throws -> Int32 {
    guard arguments.operands.isEmpty else { throw UsageError("daemon takes no arguments") }
    if let problem = DescriptorLimit.problemAtStart ?? MemoryBounds.problemAtStart(slots: arguments.slots) {
      console.error(problem)
      return ExitCode.failure
    }
    console.neverWait()
    // Whoever stops the daemon does not wait for its terminal either.
    defer { console.hurry() }
    let results = ResultsFolder(arguments.results)
    let log = DaemonLog(results.daemonLogFile, console, files: files)
    defer { log.finish() }
    let signals = DaemonSignals(reopenLog: log.reopen)
    let daemon = try Daemon(
      .init(
        results: results, configs: arguments.configs, data: arguments.data,
        slots: arguments.slots, reuses: !arguments.trainsAll,
        onFinish: arguments.onFinish),
      log: log, in: files)
    signals.onStop { daemon.stop(drain: false) }
    // Else nothing would begin, but the watched folder would be looked at.
    if !signals.isStopRequested { daemon.start() }
    withExtendedLifetime(signals) { daemon.waitUntilStopped() }
    return daemon.hasLostItsFolder ? ExitCode.tryAgain : ExitCode.done
  }
}
