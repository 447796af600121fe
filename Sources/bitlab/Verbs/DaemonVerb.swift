import Experiments
import Files

/// `bitlab daemon`: watches the folder of configs and trains what comes, until told to stop.
struct DaemonVerb {
  static let verb = Verb(
    "daemon", "watch a folder and train the configs dropped there, until told to stop", .none,
    options: [
      .jobs, .noReuse, .onFinish, .onFailure,
      Option(
        "configs", .folder, \.configs, variable: "BITLAB_CONFIGS",
        "the folder to watch (default: configs/queue)"),
      .results, .data,
    ],
    details: """
      Stays in the foreground; a service manager keeps it up. Configs moved into the watched folder are taken into the journal and run in order; refused ones go to rejected/ there, with an explanation beside them. After a crash the next start goes on with every run from its last checkpoint.
      SIGTERM or SIGINT: checkpoint everything, exit 0; a Ctrl-C after that, or a SIGTERM two seconds later, ends at once. SIGHUP: open the log anew. Commands of --on-finish and --on-failure run one after the other.
      """,
    exitCodes: [(0, "after a shutdown"), (75, "another process holds the results folder or the watched one")]
  ) { try DaemonVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  func run() throws -> Int32 {
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
        hooks: arguments.hooks),
      log: log, in: files)
    signals.onStop { daemon.stop(drain: false) }
    // Else nothing would begin, but the watched folder would be looked at.
    if !signals.isStopRequested { daemon.start() }
    withExtendedLifetime(signals) { daemon.waitUntilStopped() }
    return daemon.hasLostItsFolder ? ExitCode.tryAgain : ExitCode.done
  }
}
