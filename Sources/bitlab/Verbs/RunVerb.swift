import Datasets
import Experiments
import Files
import Foundation
import Networks
import Scheduler
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
      if arguments.operands.count > 1 { console.info("no run started") }
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
    let exitCode = loadDatasets(loaded, datasets)
    guard exitCode == ExitCode.done else { return exitCode }
    let experiments = try place(loaded, in: results)
    let pending = experiments.map { placed in placed.runs.filter { !isOver($0) } }
    let total = pending.reduce(0) { $0 + $1.count }
    let observer: any RunObserver =
      console.isInteractive ? LiveTable(console, total: total) : LineReporter(console)
    let cores = Machine.cores
    let environment = TrainingEnvironment(pool: ComputePool(cores: cores), datasets: datasets, files: files)
    let reports = ExperimentReports(experiments, files: files) { observer.say($0, isProblem: true) }
    let executor = TrainingExecutor(environment: environment, observer: observer) { run, outcome in
      reports.ended(run, outcome)
    }
    let slots = arguments.jobs ?? cores
    console.detail("\(total) runs to go, \(slots) at once on \(cores) cores, results in \(results.path)")
    let scheduler = Scheduler(executor, slots: slots)
    let watch = InterruptWatch { number in
      let text =
        number == SIGINT ? "stopping: checkpoints are written" : "asked to end: checkpoints are written"
      observer.say(text, isProblem: false)
      scheduler.stop()
    }
    // The highest priority first, since what is submitted begins at once; `sorted` keeps equal ones in order.
    for (placed, runs) in zip(experiments, pending).sorted(by: {
      $0.0.experiment.priority > $1.0.experiment.priority
    }) {
      for run in runs {
        scheduler.submit(
          TrainingJob(run: run, maxRetries: placed.experiment.maxRetries),
          priority: placed.experiment.priority)
      }
    }
    scheduler.waitUntilIdle()
    observer.close()
    reports.writeAll()
    show(experiments, failed: reports.failed)
    if let number = watch.signalReceived {
      console.info("stopped; the same command goes on from here")
      return ExitCode.signal(number)
    }
    return reports.hasProblems || experiments.contains(where: hasProblems) ? ExitCode.failure : ExitCode.done
  }

  /// Reads all data before anything is written: what is missing, or does not fit a network, is known at once.
  ///
  /// - Returns: the exit code that the problems ask for.
  private func loadDatasets(_ loaded: [ConfigurationFiles.Loaded], _ datasets: DatasetLibrary) -> Int32 {
    var exitCode = ExitCode.done
    var reported: Set<String> = []
    func report(_ problem: String, _ code: Int32) {
      if exitCode == ExitCode.done { exitCode = code }
      if reported.insert(problem).inserted { console.error(problem) }
    }
    for config in loaded {
      guard case .success(let experiment) = config.result else { continue }
      for run in Plan(experiment).runs {
        do {
          let shape = try datasets.dataset(run.dataset, configFolder: config.file.folder).shape
          let image = Networks.ImageShape(channels: shape.channels, height: shape.height, width: shape.width)
          if let problem = run.patchProblem(image: image) {
            report("\(config.file.path): \(problem)", ExitCode.configuration)
          }
        } catch {
          report("\(error)", ExitCode.data)
        }
      }
    }
    return exitCode
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

  /// Completed and diverged runs are left alone. A record that says nothing is put aside, and its run goes on from what
  /// else there is.
  private func isOver(_ run: PlacedRun) -> Bool {
    let path = run.folder.recordFile
    guard files.exists(path) else { return false }
    do {
      let record = try RunRecord(reading: path, in: files)
      return record.status == .completed || record.status == .diverged
    } catch {
      console.info("\(error)")
      if error is FileContentError { putAside(path) }
      return false
    }
  }

  /// Keeps an unreadable record under another name, and says so.
  private func putAside(_ path: String) {
    var (newPath, number) = (path + ".damaged", 1)
    while files.exists(newPath) {
      number += 1
      newPath = path + ".damaged-\(number)"
    }
    guard (try? files.rename(path, to: newPath)) != nil else { return }
    console.info("\(path): kept as \(newPath); the run goes on from its checkpoint, or begins again")
  }

  private func hasProblems(_ placed: PlacedExperiment) -> Bool {
    ExperimentReport(placed, in: files).summary().rows.contains { $0.failed > 0 }
  }

  private func show(_ experiments: [PlacedExperiment], failed: [String: Set<String>]) {
    let summaries = experiments.map { ExperimentReport($0, in: files).summary(failed: failed[$0.name] ?? []) }
    if arguments.json {
      console.result(OrderedJSON.array(summaries.map(\.orderedJSON)).pretty)
    } else if console.verbosity > .quiet {
      for (placed, summary) in zip(experiments, summaries) {
        console.result("\n\(placed.name)\n\(summary.table)\n\nresults: \(placed.folder.path)/")
      }
    }
  }
}
