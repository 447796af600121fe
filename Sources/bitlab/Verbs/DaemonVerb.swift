import Datasets
import Dispatch
import Experiments
import Files
import Foundation
import Scheduler
import TensorCore

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
    let results = ResultsFolder(arguments.results)
    try results.create(in: files)
    let lock: FileLock
    do {
      lock = try FileLock(results.lockFile)
    } catch let held as FileLock.Held {
      console.error("\(held)")
      return ExitCode.tryAgain
    }
    return try withExtendedLifetime(lock) { try serve(results) }
  }

  private func serve(_ results: ResultsFolder) throws -> Int32 {
    let log = DaemonLog(results.daemonLogFile, console, files: files)
    let slots = arguments.jobs ?? Machine.cores
    log.write("bitlab \(Machine.bitlabVersion) daemon, process \(getpid()): \(slots) runs at once")
    let (store, state) = try JournalStore.open(results.journalFile, in: files) { log.write($0) }
    let core = makeCore(results, store, state, slots: slots, log)
    let hook = arguments.onFinish.map { FinishHook($0, results: results.path) { log.write($0) } }
    hook?.begin(state)
    let stop = StopRequest(core.engine)
    let signals = DaemonSignals(stop: { stop.request(drain: false) }, reopenLog: log.reopen)
    let server = try ControlServer(
      path: results.socketFile, version: Machine.bitlabVersion,
      handler: ControlService(core) { stop.request(drain: $0) })
    let folder = try SpoolFolder(arguments.configs, in: files)
    let watcher = watch(folder, core)
    core.engine.start()
    let token = hook.map { hook in
      let queue = DispatchQueue(label: "bitlab.finish", qos: .utility)
      return core.engine.observe {
        queue.async {
          core.reports.flush()
          hook.look(core.engine.report().state)
        }
      }
    }
    watcher.start()
    log.write("watching \(folder.path)")
    stop.wait()
    withExtendedLifetime((signals, token)) {}
    watcher.stop()
    core.reports.flush()
    server.close()
    log.write("stopped")
    return ExitCode.done
  }

  private func makeCore(
    _ results: ResultsFolder, _ store: JournalStore, _ state: QueueState, slots: Int, _ log: DaemonLog
  ) -> DaemonCore {
    let board = ProgressBoard()
    let reports = ReportKeeper { log.write($0) }
    let environment = TrainingEnvironment(
      pool: ComputePool(cores: Machine.cores), datasets: DatasetLibrary(DataFolder(arguments.data)),
      files: files)
    let placed = Relay<String>()
    let executor = DaemonExecutor(
      shelf: ExperimentShelf(results, files: files), environment: environment, reports: reports, board: board,
      log: { log.write($0) }, placed: { placed.tell($0) })
    let engine = QueueEngine(state, store: store, executor: executor, slots: slots) { log.write($0) }
    placed.begin { engine.placed($0) }
    return DaemonCore(
      engine: engine, log: log, results: results, files: files, board: board, reports: reports)
  }

  private func watch(_ folder: SpoolFolder, _ core: DaemonCore) -> SpoolWatcher {
    let again = Relay<[SpoolName]>()
    let intake = SpoolIntake(folder: folder, core: core)
    let retry = DispatchQueue(label: "bitlab.spool.retry", qos: .utility)
    let watcher = SpoolWatcher(folder) { batch in
      let left = intake.take(batch)
      // The journal could not be written: most likely the disk is full.
      if !left.isEmpty { retry.asyncAfter(deadline: .now() + 10) { again.tell(left) } }
    }
    again.begin { [weak watcher] in watcher?.offerAgain($0) }
    return watcher
  }
}
