import Datasets
import Experiments
import Files
import Foundation
import Networks
import TensorCore

/// What scheduler, logs, rows and checkpoints add to the arithmetic of training: one run at a time through the daemon,
/// in turn with the same arithmetic in this process.
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
    _ = try train("\(name)-0", daemon)
    var figures = OverheadFigures(experiment: experiment, precision: precision)
    for round in 1...rounds {
      BenchmarkReport.progress("overhead: \(experiment.rawValue), \(precision.rawValue) bits, round \(round)")
      var alone = round % 2 == 0 ? try bare() : nil
      let run = try train("\(name)-\(round)", daemon)
      if alone == nil { alone = try bare() }
      guard let alone, run.validationLoss == alone.validationLoss else {
        throw BenchmarkProblem(
          "\(name): the daemon's validation loss is \(run.validationLoss), the bare one "
            + "\(alone?.validationLoss ?? .nan): they did not compute the same")
      }
      figures.rounds.append((daemon: run, bare: alone))
    }
    return figures
  }

  /// A run through the daemon, timed from its beginning to its completion as the daemon's log has them.
  private func train(_ name: String, _ daemon: BenchmarkedDaemon) throws -> BareTraining.Result {
    let log = try LogFollower(daemon.results.daemonLogFile)
    try daemon.drop(name + ".json")
    let begin = try log.line { $0.contains(" \(name)/") && $0.hasSuffix(": begins") }.time
    let cpuBefore = MonotonicClock.cpuSeconds(of: daemon.pid)
    let end = try log.line { line in
      line.contains(" \(name)/") && [": completed", ": failed", ": diverged"].contains { line.contains($0) }
    }.time
    let cpu = MonotonicClock.cpuSeconds(of: daemon.pid) - cpuBefore
    try daemon.waitUntilCompleted(name)
    let loss = try daemon.record(name).finalValidationLoss ?? .nan
    // The summary is written after the run: the other side must find the machine idle.
    usleep(500_000)
    return BareTraining.Result(seconds: end - begin, cpuSeconds: cpu, validationLoss: loss)
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
