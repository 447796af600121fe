import Datasets
import Experiments
import Files
import Foundation
import Scheduler
import Synchronization
import TensorCore

/// `bitlab run CONFIG...`: trains every run of the configs in the foreground, to the end.
struct RunVerb {
  private let arguments: Arguments
  private let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  init(_ arguments: Arguments, _ console: Console) {
    self.arguments = arguments
    self.console = console
  }

  func run() throws -> Int32 {
    guard !arguments.operands.isEmpty else { throw UsageError("run needs at least one config") }
    let (loaded, exitCode) = ConfigurationFiles.load(arguments.operands, console)
    guard exitCode == ExitCode.done else {
      if loaded.count + 1 > 1 { console.info("no run started") }
      return exitCode
    }
    let results = ResultsFolder(arguments.results)
    try results.create(in: files)
    let lock: FileLock
    do {
      lock = try FileLock(results.lockFile)
    } catch let held as FileLock.Held {
      console.error("\(held)")
      return ExitCode.tryAgain
    }
    return try withExtendedLifetime(lock) { try run(loaded, in: results) }
  }

  private func run(_ loaded: [ConfigurationFiles.Loaded], in results: ResultsFolder) throws -> Int32 {
    let datasets = DatasetLibrary(DataFolder(arguments.data))
    guard loadDatasets(loaded, datasets) else { return ExitCode.data }
    let experiments = try place(loaded, in: results)
    let pending = experiments.map { placed in placed.runs.filter { !isOver($0) } }
    let total = pending.reduce(0) { $0 + $1.count }
    let observer: any RunObserver =
      console.isInteractive ? LiveTable(console, total: total) : LineReporter(console)
    let cores = Machine.cores
    let environment = TrainingEnvironment(pool: ComputePool(cores: cores), datasets: datasets, files: files)
    let reports = Reports(experiments, files: files, console)
    let executor = TrainingExecutor(environment: environment, observer: observer) { run, outcome in
      reports.ended(run, outcome)
    }
    let scheduler = Scheduler(executor, slots: arguments.jobs ?? cores)
    let watch = InterruptWatch { number in
      console.info(
        number == SIGINT ? "stopping: checkpoints are written" : "asked to end: checkpoints are written")
      scheduler.stop()
    }
    for (placed, runs) in zip(experiments, pending) {
      for run in runs { scheduler.submit(TrainingJob(run: run), priority: placed.experiment.priority) }
    }
    scheduler.waitUntilIdle()
    observer.close()
    reports.writeAll()
    show(experiments)
    if let number = watch.signalReceived {
      console.info("stopped; the same command goes on from here")
      return ExitCode.signal(number)
    }
    return reports.hasProblems || experiments.contains(where: hasProblems) ? ExitCode.failure : ExitCode.done
  }

  /// Reads all data before anything is written: what is missing is known at once.
  private func loadDatasets(_ loaded: [ConfigurationFiles.Loaded], _ datasets: DatasetLibrary) -> Bool {
    var isComplete = true
    var reported: Set<String> = []
    for config in loaded {
      guard case .success(let experiment) = config.result else { continue }
      let configurations = Set(Plan(experiment).runs.map(\.dataset))
      for configuration in configurations {
        do {
          _ = try datasets.dataset(configuration, configFolder: config.file.folder)
        } catch {
          isComplete = false
          if reported.insert("\(error)").inserted { console.error("\(error)") }
        }
      }
    }
    return isComplete
  }

  private func place(
    _ loaded: [ConfigurationFiles.Loaded], in results: ResultsFolder
  ) throws -> [PlacedExperiment] {
    let placement = ExperimentPlacement(results: results, files: files)
    var placed: [PlacedExperiment] = []
    for config in loaded {
      guard case .success(let experiment) = config.result else { continue }
      let one = try placement.place(experiment, config.file)
      if placed.contains(where: { $0.name == one.name }) {
        console.info("\(config.file.path): the same experiment again; it runs once")
        continue
      }
      if one.name != experiment.name {
        console.info(
          "\(experiment.name): results of another config have that name; these go to \(one.folder.path)")
      }
      placed.append(one)
    }
    return placed
  }

  /// Completed and diverged runs are left alone.
  private func isOver(_ run: PlacedRun) -> Bool {
    guard files.exists(run.folder.recordFile) else { return false }
    guard let record = try? RunRecord(reading: run.folder.recordFile, in: files) else { return false }
    return record.status == .completed || record.status == .diverged
  }

  private func hasProblems(_ placed: PlacedExperiment) -> Bool {
    ExperimentReport(placed, in: files).summary.rows.contains { $0.failed > 0 }
  }

  private func show(_ experiments: [PlacedExperiment]) {
    let summaries = experiments.map { ExperimentReport($0, in: files).summary }
    if arguments.json {
      console.result(OrderedJSON.array(summaries.map(\.orderedJSON)).pretty)
    } else if console.verbosity > .quiet {
      for (placed, summary) in zip(experiments, summaries) {
        console.result("\n\(placed.name)\n\(summary.table)\n\nresults: \(placed.folder.path)/")
      }
    }
  }
}

/// Keeps each experiment's curves and summary up to date as its runs end.
private final class Reports: Sendable {
  private let reports: [String: ExperimentReport]
  private let console: Console
  private let problems = Mutex(false)

  init(_ experiments: [PlacedExperiment], files: any FileSystem, _ console: Console) {
    reports = Dictionary(uniqueKeysWithValues: experiments.map { ($0.name, ExperimentReport($0, in: files)) })
    self.console = console
  }

  /// Whether a report could not be written.
  var hasProblems: Bool { problems.withLock { $0 } }

  func ended(_ run: PlacedRun, _ outcome: RunOutcome) {
    if let report = reports[run.experiment] { write(report) }
  }

  func writeAll() { for report in reports.values { write(report) } }

  private func write(_ report: ExperimentReport) {
    // One at a time: two runs that end together write the same files.
    problems.withLock { problems in
      do {
        try report.write()
      } catch {
        problems = true
        console.error("\(error)")
      }
    }
  }
}
