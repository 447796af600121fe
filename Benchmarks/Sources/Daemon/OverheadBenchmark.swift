import Datasets
import Dispatch
import Experiments
import Files
import Foundation
import Networks
import Synchronization
import TensorCore

/// What scheduler, logs, rows and checkpoints add to the arithmetic of training: one run at a time through the daemon,
/// in turns of a fraction of a second with the same arithmetic in this process.
struct OverheadBenchmark {
  static let options = BenchmarkedDaemon.Settings.options.union([
    "--experiment", "--bits", "--rounds", "--configs", "--json",
  ])

  private let settings: BenchmarkedDaemon.Settings
  private let experiments: [OverheadExperiment]
  private let bits: [WeightPrecision]
  /// nil for each experiment's own.
  private let rounds: Int?
  private let configs: String
  private let isJSON: Bool

  init(_ options: CommandOptions) throws {
    settings = try BenchmarkedDaemon.Settings(options)
    experiments = try options.list(
      "--experiment", OverheadExperiment.allCases, OverheadExperiment.init(rawValue:))
    bits = try options.list("--bits", [.full, .ternary, .binary]) {
      Int($0).flatMap(WeightPrecision.init(rawValue:))
    }
    rounds = options.has("--rounds") ? try options.value("--rounds", 1, CommandOptions.count) : nil
    configs = try options.value("--configs", "configs", CommandOptions.text)
    isJSON = options.has("--json")
  }

  func run() throws {
    let datasets = DatasetLibrary(DataFolder(settings.data))
    let daemon = try BenchmarkedDaemon(settings, jobs: 1, reuses: false)
    let pool = ComputePool(cores: Machine.cores)
    var lines: [OverheadFigures] = []
    for experiment in experiments {
      for precision in bits {
        let text = try experiment.config(in: configs, precision: precision)
        lines.append(try measure(experiment, precision, text, daemon, datasets, pool))
      }
    }
    try daemon.stop()
    report(lines)
  }

  private func measure(
    _ experiment: OverheadExperiment, _ precision: WeightPrecision, _ config: OverheadConfig,
    _ daemon: BenchmarkedDaemon, _ datasets: DatasetLibrary, _ pool: ComputePool
  ) throws -> OverheadFigures {
    let name = "\(experiment.rawValue)-\(precision.rawValue)"
    let rounds = rounds ?? experiment.rounds
    for round in 0...rounds {
      let text = try config.text(name: "\(name)-\(round)", isShort: round == 0)
      try daemon.prepare(text, as: "\(name)-\(round).json")
    }
    daemon.settle()
    let bytes = Array(try config.text(name: name, isShort: false).utf8)
    let plan = Plan(try Experiment(bytes: bytes, path: name)).runs[0]
    let dataset = try datasets.dataset(plan.dataset, configFolder: ".")
    let bare = BareTraining(plan: plan, dataset: dataset, pool: pool)
    // The data are loaded on this side; now on the daemon's too.
    try daemon.drop("\(name)-0.json")
    try daemon.waitUntilCompleted("\(name)-0")
    usleep(500_000)
    var figures = OverheadFigures(experiment: experiment, precision: precision)
    for round in 1...rounds {
      BenchmarkReport.progress("overhead: \(experiment.rawValue), \(precision.rawValue) bits, round \(round)")
      figures.rounds.append(try race("\(name)-\(round)", daemon, bare))
    }
    return figures
  }

  /// A run through the daemon, from its beginning to its completion as the daemon's log has them, in turns with its bare
  /// arithmetic.
  private func race(_ name: String, _ daemon: BenchmarkedDaemon, _ bare: BareTraining) throws -> (
    daemon: BareTraining.Result, bare: BareTraining.Result
  ) {
    let log = try LogFollower(daemon.results.daemonLogFile)
    let gate = Gate()
    let process = daemon.pid
    let run = TurnTaker(
      process: process, resume: { kill(process, SIGCONT) }, hold: { kill(process, SIGSTOP) })
    defer { kill(process, SIGCONT) }
    let isOver = Mutex(false)
    let arithmetic = TurnTaker(
      process: 0, resume: { gate.open() }, hold: { gate.close { isOver.withLock(\.self) } })
    let outcome = Mutex<(bare: Result<Double, any Error>?, daemon: Result<Void, any Error>?)>((nil, nil))
    bare.begin(through: gate) { loss in
      outcome.withLock { $0.bare = loss }
      isOver.withLock { $0 = true }
      arithmetic.end()
    }
    try daemon.drop(name + ".json")
    _ = try log.line { $0.contains(" \(name)/") && $0.hasSuffix(": begins") }
    DispatchQueue(label: "benchmark.log").async { [log = Followed(log: log)] in
      let end = Result {
        try log.log.line { line in
          line.contains(" \(name)/")
            && [": completed", ": failed", ": diverged"].contains { line.contains($0) }
        }.time
      }
      outcome.withLock { $0.daemon = end.map { _ in } }
      run.end(at: (try? end.get()) ?? MonotonicClock.now)
    }
    TurnTaker.run([run, arithmetic])
    let (bareLoss, end) = outcome.withLock(\.self)
    _ = try end?.get()
    kill(process, SIGCONT)
    try daemon.waitUntilCompleted(name)
    let losses = (
      daemon: try daemon.record(name).finalValidationLoss ?? .nan, bare: try bareLoss?.get() ?? .nan
    )
    guard losses.daemon == losses.bare else {
      throw BenchmarkProblem(
        "\(name): the daemon's validation loss is \(losses.daemon), the bare one \(losses.bare): they did not "
          + "compute the same")
    }
    // The summary is written after the run: the next round must find the machine idle.
    usleep(500_000)
    return (
      BareTraining.Result(seconds: run.seconds, cpuSeconds: run.cpuSeconds),
      BareTraining.Result(seconds: arithmetic.seconds, cpuSeconds: arithmetic.cpuSeconds)
    )
  }

  /// One thread after the other uses it.
  private struct Followed: @unchecked Sendable {
    let log: LogFollower
  }

  private func report(_ lines: [OverheadFigures]) {
    let rows = lines.map { line in
      [
        line.experiment.rawValue, String(line.precision.rawValue), String(line.rounds.count),
        line.bareSeconds.median.digits(2),
        line.daemonSeconds.median.digits(2), line.wall.median.percent,
        "\(line.wall.least.percent) to \(line.wall.worst.percent)", line.leastBesideLeast.percent,
        line.cpu.median.percent,
        "\(line.cpu.least.percent) to \(line.cpu.worst.percent)",
      ]
    }
    let promises = experiments.map { experiment in
      let worst = lines.filter { $0.experiment == experiment }.map(\.wall.median).max() ?? .nan
      return Promise(
        text: "\(experiment.rawValue): less than \(Int(100 * experiment.bound))% above the bare arithmetic",
        measured: worst.percent, isKept: worst < experiment.bound)
    }
    BenchmarkReport(
      name: "overhead",
      title: "the daemon's time for a run beside that of its bare arithmetic",
      table: [["", "bits", "rounds", "bare, s", "daemon, s", "wall", "spread", "least", "CPU", "spread"]]
        + rows,
      promises: promises, figures: .array(lines.map(\.json))
    ).print(asJSON: isJSON)
  }
}
