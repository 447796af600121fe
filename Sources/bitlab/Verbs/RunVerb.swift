import Datasets
import Experiments
import Files
import Foundation
import JSON
import Networks
import Scheduler
import TensorCore

/// `bitlab run CONFIG...`: trains every run of the configs in the foreground, to the end.
struct RunVerb {
  static let verb = Verb(
    "run", "train every run of the given configs, to the end, and summarize", .configs,
    options: [.jobs, .set, .only, .noReuse, .onFinish, .onFailure, .results, .data],
    details: """
      Trains in the foreground, as many runs at once as --jobs says, and writes results/<experiment>/: curves.csv, a summary, and a folder for each run. On a terminal it shows a live table, elsewhere a line per epoch.
      Ctrl-C checkpoints all runs and stops, a second one ends at once; the same command goes on where it stopped. Training does not wait for a terminal that is stopped. Runs that completed or diverged are left alone.
      The same name with more seeds, variants or grid values continues the experiment; where a run that is there would get other settings, results go to <name>-2. A run whose equal has completed under these results takes that over; --no-reuse trains it.
      """,
    exitCodes: [
      (0, "all runs completed"), (1, "a run failed or diverged, or results cannot be written"),
      (2, "the command line is wrong, or what it sets"), (65, "data are missing or damaged"),
      (66, "there is no such config"), (75, "another process holds the results folder"),
      (78, "a config is wrong"),
      (130, "after Ctrl-C"),
    ]
  ) { try RunVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  func run() throws -> Int32 {
    let (loaded, exitCode) = try ConfigurationFiles.load(arguments, console)
    guard exitCode == ExitCode.done else {
      if arguments.operands.count > 1 { console.info("no run started") }
      return exitCode
    }
    if let problem = DescriptorLimit.problemAtStart ?? MemoryBounds.problemAtStart(slots: arguments.slots) {
      console.error(problem)
      return ExitCode.failure
    }
    let results = ResultsFolder(arguments.results)
    return try run(loaded, in: results, try results.own(in: files))
  }

  /// - Parameter lock: of the results folder; released when all is on the disk.
  private func run(
    _ loaded: [ConfigurationFiles.Loaded], in results: ResultsFolder, _ lock: consuming FileLock
  ) throws -> Int32 {
    let datasets = DatasetLibrary(DataFolder(arguments.data))
    let exitCode = loadDatasets(loaded, datasets)
    guard exitCode == ExitCode.done else { return exitCode }
    let experiments = try place(loaded, in: results)
    let slots = arguments.slots
    let observer: any RunObserver =
      console.isInteractive ? LiveTable(console, slots: slots) : LineReporter(console)
    let reports = ReportWriter { observer.say($0, isProblem: true) }
    let environment = TrainingEnvironment(
      pool: ComputePool(cores: Machine.cores), datasets: datasets, files: files,
      reuse: RunReuse(RunIndex(results, in: files) { observer.say($0, isProblem: false) }))
    let placed = Dictionary(uniqueKeysWithValues: experiments.map { ($0.name, $0) })
    let executor = TrainingExecutor(environment, results: results, reports: reports, observer: observer) {
      placed[$0.name]!
    }
    let submissions = experiments.map { placed in
      placed.submission(config: nil, reuses: !arguments.trainsAll) {
        arguments.wants($0.plan.id) && executor.recordedEnd($0) == nil
      }
    }
    for (placed, submission) in zip(experiments, submissions) where submission.jobs.isEmpty {
      let chosen = placed.runs.count { arguments.wants($0.plan.id) }
      console.info(
        "\(placed.name): \(chosen == 1 ? "its run has" : "all \(chosen) runs have") ended before: nothing is trained"
      )
      sayWhatHasChanged(placed, datasets)
    }
    // Training waits neither for a terminal nor for a pipe.
    console.neverWait()
    defer { console.hurry() }
    let total = submissions.reduce(0) { $0 + $1.jobs.count }
    observer.expect(total)
    console.detail(
      "\(total) runs to go, \(slots) at once on \(Machine.cores) cores, \(IntegerKernel.current.rawValue) integer kernels, "
        + "results in \(results.path)")
    let engine = QueueEngine(
      QueueState(), store: VolatileStore(), executor: executor, slots: slots, delays: .foreground
    ) { observer.say($0, isProblem: false) }
    let ended = DispatchSemaphore(value: 0)
    let watch = InterruptWatch { number in
      let text =
        number == SIGINT ? "stopping: checkpoints are written" : "asked to end: checkpoints are written"
      observer.say(text, isProblem: false)
      engine.shutdown(drain: false) { ended.signal() }
    }
    engine.start()
    try engine.submit(submissions)
    _ = engine.whenEnded(Set(submissions.flatMap(\.jobIDs))) { _ in ended.signal() }
    ended.wait()
    observer.close()
    for one in experiments { reports.update(ExperimentReport(one, in: files)) }
    let reportsAreWritten = reports.flush()
    let failed = Self.failed(engine.report().state)
    let summaries = try experiments.map {
      try ExperimentReport($0, in: files).summary(failed: failed[$0.name] ?? [])
    }
    let isGood = reportsAreWritten && failed.isEmpty && !experiments.contains(where: hasProblems)
    // Whoever has stopped the terminal keeps nobody else from the folder.
    withExtendedLifetime(lock) {}
    _ = consume lock
    // All is on the disk: who asks to stop from now on does not have to wait for the summary's reader.
    watch.endAtOnce()
    if watch.signalReceived != nil { console.hurry() }
    console.flush()
    show(summaries, of: experiments)
    if watch.signalReceived == nil { tell(engine.report().state, submissions, in: results) }
    if let number = watch.signalReceived {
      console.info("stopped; the same command goes on from here")
      return ExitCode.signal(number)
    }
    if !failed.isEmpty { console.info("the same command tries again what failed") }
    return isGood ? ExitCode.done : ExitCode.failure
  }

  /// Runs the commands for experiments that have ended, to their ends.
  private func tell(_ state: QueueState, _ submissions: [Submission], in results: ResultsFolder) {
    guard
      let hook = FinishHook(arguments.hooks, results: results.path, log: { [console] in console.error($0) })
    else { return }
    for submission in submissions where !submission.jobs.isEmpty {
      let ends = submission.jobIDs.compactMap { id -> JobEnd? in
        if case .ended(let end) = state.status(of: id) { end } else { nil }
      }
      hook.tell(submission.name, ends: { ends }, told: {})
    }
    hook.wait()
  }

  /// The runs that failed, by experiment.
  private static func failed(_ state: QueueState) -> [String: Set<String>] {
    var failed: [String: Set<String>] = [:]
    for (id, entry) in state.jobs {
      if case .ended(let end) = entry.status, end.kind == .failed {
        failed[id.submission, default: []].insert(id.job)
      }
    }
    return failed
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
          let image = try datasets.dataset(run.dataset, configFolder: config.file.folder).shape
          if let problem = run.problem(image: image) {
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
    // What a daemon has accepted and will go on with has its name already.
    let accepted = try StatusFromFiles(results: results, files: files).accepted()
    let placement = ExperimentPlacement(results: results, files: files)
    var placed: [PlacedExperiment] = []
    for config in loaded {
      guard case .success(let experiment) = config.result else { continue }
      let fingerprint = ExperimentPlacement.fingerprint(experiment, config.file)
      let (one, fit, other) = placement.find(experiment, config.file) { name, one in
        if let before = placed.first(where: { $0.name == name }), let reason = reason(one, former: before) {
          return reason
        }
        let isWaiting = accepted[name].map { $0 != fingerprint } ?? false
        return isWaiting && !one.folder.hasConfig ? .init(text: "a config that a daemon has accepted") : nil
      }
      if let place = placed.firstIndex(where: { $0.name == one.name }) {
        guard placed[place].experiment != one.experiment else {
          console.info("\(config.file.path): the same experiment again; it runs once")
          continue
        }
        placed.remove(at: place)
      }
      // Whoever wants errors alone looks for the results all the same.
      if let other { console.error(other.note(experiment.name, one.folder.path)) }
      try write(config.file, of: one, fit, placement)
      placed.append(one)
    }
    return placed
  }

  /// Why a config cannot take the place of another one of this command: a run of both would become another.
  private func reason(
    _ placed: PlacedExperiment, former: PlacedExperiment
  ) -> ExperimentPlacement.Reason? {
    if let reason = ExperimentPlacement.reason(placed.runs.map(\.plan), former: former.runs.map(\.plan)) {
      return reason
    }
    let isElsewhere = placed.experiment.namesFiles && placed.configFolder != former.configFolder
    return isElsewhere ? .init(text: "a config in another folder, whose files it names,") : nil
  }

  /// Makes the experiment's folder, or puts its config in the place of the one that is there.
  private func write(
    _ file: ConfigurationFile, of placed: PlacedExperiment, _ fit: ExperimentPlacement.Fit,
    _ placement: ExperimentPlacement
  ) throws {
    guard case .continues(let continuation) = fit else { return try placement.write(file, of: placed) }
    if continuation.changesConfig {
      console.info(continuation.note(placed.name, queued: placed.runs.count - continuation.ended.count))
    }
    try placement.update(file, of: placed, continuation)
  }

  /// Of an experiment of which nothing is trained; of others the executor says it.
  private func sayWhatHasChanged(_ placed: PlacedExperiment, _ datasets: DatasetLibrary) {
    for configuration in Set(placed.runs.map(\.plan.dataset)) {
      guard let dataset = try? datasets.dataset(configuration, configFolder: placed.configFolder),
        let notice = placed.changes(since: dataset.sha256, of: configuration, files)
      else { continue }
      return console.info(notice)
    }
  }

  private func hasProblems(_ placed: PlacedExperiment) -> Bool {
    (try? ExperimentReport(placed, in: files).summary().rows.contains { $0.failed > 0 }) ?? true
  }

  private func show(_ summaries: [Summary], of experiments: [PlacedExperiment]) {
    if arguments.json {
      console.result(JSONValue.array(summaries.map(\.jsonValue)).pretty)
    } else if console.verbosity > .quiet {
      for (placed, summary) in zip(experiments, summaries) {
        console.result(
          "\n\(placed.name)\n\(summary.table(width: console.columnsOfResults))\n\nresults: \(placed.folder.path.inMessage())/"
        )
      }
    }
  }
}
