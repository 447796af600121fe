import Datasets
import Dispatch
import Experiments
import Files
import Foundation
import Scheduler
import TensorCore

/// A daemon at work: the queue with its journal, the watched folder and the control socket, for one results folder.
///
///     let daemon = try Daemon(settings, log: log, in: files)
///     daemon.start()
///     daemon.waitUntilStopped()    // until somebody calls `stop`, or the verb `shutdown` comes over the socket
final class Daemon: Sendable {
  struct Settings {
    var results: ResultsFolder
    /// The folder to watch.
    var configs: String
    /// Where data sets are.
    var data: String
    /// Runs at once.
    var slots: Int
    /// Whether runs take over what equal ones have done.
    var reuses = true
    /// Run when an experiment has ended.
    var hooks = FinishHook.Commands()
    var delays = RetryDelays()
    var spool = SpoolWatcher.Settings()
  }

  let core: DaemonCore
  private let lock: FileLock
  private let lockWatch: LockWatch
  private let service: ControlService
  private let server: ControlServer
  private let watcher: SpoolWatcher
  private let conclusions: Conclusions
  private let stopRequest: StopRequest

  /// Takes the results folder, replays the journal and opens the socket; runs nothing yet.
  ///
  /// Throws `FileLock.Held` where another process has the folder, and whatever keeps the daemon from its files.
  init(_ settings: Settings, log: DaemonLog, in files: any FileSystem) throws {
    let results = settings.results
    lock = try results.own(in: files)
    log.begin()
    log.write("bitlab \(Machine.bitlabVersion) daemon, process \(getpid()): \(settings.slots) runs at once")
    let folder = try SpoolFolder(settings.configs, in: files)
    let (journal, replay) = try Journal.open(results.journalFile, in: files)
    let (state, needsMending) = try Self.replayed(replay, of: journal, log)
    let core = Self.makeCore(settings, journal, state, log, files)
    self.core = core
    if needsMending {
      log.write("what the journal cannot vouch for is looked up in \(results.path)")
      try JournalRepair(results: results, files: files) { log.write($0) }.mend(core.engine)
      try journal.mended()
    }
    let stopRequest = StopRequest(core.engine)
    self.stopRequest = stopRequest
    lockWatch = LockWatch(lock) {
      log.write(
        "\(results.path) was moved or removed: this daemon ends, since the folder is not its own any more")
      stopRequest.request(drain: false)
    }
    watcher = Self.makeWatcher(folder, settings, core)
    service = ControlService(core) { stopRequest.request(drain: $0) }
    server = try ControlServer(path: results.socketFile, version: Machine.bitlabVersion, handler: service)
    conclusions = Conclusions(
      core.engine, reports: core.reports,
      hook: FinishHook(settings.hooks, results: results.path) { log.write($0) },
      retryDelay: settings.delays.disk, log: { log.write($0) }, report: { try core.report(of: $0) },
      writeRecords: { try core.writeEndRecords($0, $1) })
  }

  /// Goes on with the queue, and takes what comes.
  func start() {
    // First: what the queue's start ends is concluded too.
    conclusions.start()
    core.engine.start()
    watcher.start()
    core.log.write("watching \(watcher.folder.path)")
  }

  /// Begins nothing more; running runs are checkpointed, or with `drain` end first. A later call without `drain` hurries
  /// an earlier one with it.
  func stop(drain: Bool) { stopRequest.request(drain: drain) }

  /// Whether the results folder was moved away or removed, which has ended the daemon.
  var hasLostItsFolder: Bool { lockWatch.isLost }

  /// Returns when everything is on the disk and the socket is gone.
  func waitUntilStopped() {
    stopRequest.wait()
    lockWatch.stop()
    watcher.stop()
    watcher.folder.release()
    core.reports.flush()
    conclusions.finish()
    // Who waits for the runs that a drain let end is to hear of them, not of the end of the daemon.
    service.finish()
    server.close()
    core.log.write("stopped")
    core.log.finish()
  }

  /// Clients connected to the control socket now.
  var clientCount: Int { server.clientCount }

  /// What the journal's records add up to, and whether there may have been more than they say. What was damaged is put aside
  /// by then; the log gets a line for each such thing.
  private static func replayed(
    _ replay: JournalReplay, of journal: Journal, _ log: DaemonLog
  ) throws -> (state: QueueState, needsMending: Bool) {
    if let bytes = replay.tornTail {
      log.write(
        "the journal ends in the middle of a record, of which \(bytes) bytes are there: a crash does that, and so does "
          + "damage that took more")
    }
    for region in replay.damaged { log.write("the journal was damaged: \(region)") }
    for gap in replay.missing { log.write("the journal has lost records: \(gap)") }
    var isWhole = true
    let state = QueueState(replaying: replay.records) {
      log.write($0)
      isWhole = false
    }
    // A snapshot would be the end of what they say.
    if !isWhole { log.write("the journal as it was is kept as \(try journal.keepCopy())") }
    return (state, replay.needsMending || !isWhole)
  }

  private static func makeCore(
    _ settings: Settings, _ store: Journal, _ state: QueueState, _ log: DaemonLog,
    _ files: any FileSystem
  ) -> DaemonCore {
    let observer = DaemonObserver(log, slots: settings.slots)
    let reports = ReportWriter { log.write($0) }
    let environment = TrainingEnvironment(
      pool: ComputePool(cores: Machine.cores), datasets: DatasetLibrary(DataFolder(settings.data)),
      files: files, reservations: Reservations(clients: ControlLimits().connections),
      reuse: RunReuse(RunIndex(settings.results, in: files) { log.write($0) }))
    let placed = Mailbox<String>()
    let progressed = Mailbox<JobID>()
    let experiments = ExperimentCache(
      settings.results, files: files, log: { log.write($0) }, placed: { placed.tell($0) })
    let executor = TrainingExecutor(
      environment, results: settings.results, reports: reports, observer: observer, reuses: settings.reuses,
      atShutdown: .interrupt,
      progressed: { progressed.tell($0) }, experiment: { try experiments.experiment($0) })
    let engine = QueueEngine(
      state, store: store, executor: executor, slots: settings.slots, delays: settings.delays
    ) { log.write($0) }
    placed.begin { [weak engine] in engine?.placed($0) }
    progressed.begin { [weak engine] in engine?.progressed($0) }
    return DaemonCore(
      engine: engine, log: log, results: settings.results, files: files, observer: observer, reports: reports,
      reuses: settings.reuses, experiment: { try experiments.experiment($0) },
      accepted: { experiments.accepted($0.experiment, $0.runs.map(\.plan), $1) })
  }

  private static func makeWatcher(
    _ folder: SpoolFolder, _ settings: Settings, _ core: DaemonCore
  ) -> SpoolWatcher {
    let again = Mailbox<[SpoolName]>()
    let unremoved = UnremovedConfigs(settings.results.unremovedFile, in: core.files) { core.log.write($0) }
    let intake = SpoolIntake(folder: folder, core: core, unremoved: unremoved)
    let retry = DispatchQueue(label: "bitlab.spool.retry", qos: .utility)
    let watcher = SpoolWatcher(folder, settings.spool) { batch in
      let left = intake.take(batch)
      // The journal could not be written: most likely the disk is full.
      if !left.isEmpty { retry.asyncAfter(deadline: .now() + settings.delays.disk) { again.tell(left) } }
    }
    again.begin { [weak watcher] in watcher?.offerAgain($0) }
    return watcher
  }
}
