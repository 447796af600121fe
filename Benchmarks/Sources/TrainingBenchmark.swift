import Foundation
import Networks
import TensorCore

/// Times whole training steps, batch 128, of the article's experiments.
struct TrainingBenchmark {
  struct Options {
    static let known: Set = [
      "--experiment", "--bits", "--threads", "--seconds", "--method", "--evaluate", "--json",
    ]

    var experiments: [BenchmarkedExperiment]
    var bits: [WeightPrecision]
    var threads: Int
    var seconds: Double
    var evaluates: Bool
    var method: QuantizationMethod

    init(_ options: CommandOptions) throws {
      experiments = try options.list(
        "--experiment", BenchmarkedExperiment.allCases, BenchmarkedExperiment.init(rawValue:))
      bits = try options.list("--bits", WeightPrecision.allCases) {
        Int($0).flatMap(WeightPrecision.init(rawValue:))
      }
      threads = try options.value(
        "--threads", ProcessInfo.processInfo.activeProcessorCount, CommandOptions.count)
      seconds = try options.value("--seconds", 6.0) { Double($0) }
      evaluates = options.has("--evaluate")
      method = try options.value("--method", .simpleBitNet, QuantizationMethod.init(rawValue:))
    }
  }

  let options: Options

  init(_ options: Options) { self.options = options }

  func run() {
    for experiment in options.experiments {
      for precision in options.bits { measure(experiment, precision) }
    }
  }

  private func measure(_ experiment: BenchmarkedExperiment, _ precision: WeightPrecision) {
    let specification = experiment.specification(precision, options.method)
    let pool = ComputePool(cores: options.threads)
    let model = Model(specification, batchSize: 128, team: Team(pool: pool))
    model.parameters.initialize(seed: 0)
    model.parametersChanged()
    let batch = RandomSamples(count: 128, specification)
    let step = TrainingStep(model, optimizer: OptimizerSpecification())
    func once() {
      if options.evaluates { _ = model.evaluate(batch) } else { _ = step(batch, rate: 1e-3) }
    }
    pool.withRun {
      for _ in 0..<3 { once() }
      let start = DispatchTime.now().uptimeNanoseconds
      var steps = 0
      var seconds = 0.0
      while seconds < options.seconds {
        once()
        steps += 1
        seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
      }
      report(experiment, precision, imagesPerSecond: Double(128 * steps) / seconds)
    }
  }

  private func report(
    _ experiment: BenchmarkedExperiment, _ precision: WeightPrecision, imagesPerSecond: Double
  ) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let line =
      """
      {"experiment": "\(experiment.rawValue)", "bits": \(precision.rawValue), "threads": \(options.threads), \
      "processes": 1, "mode": "bitlab", "phase": "\(options.evaluates ? "evaluate" : "train")", \
      "images_per_second": \(String(format: "%.1f", imagesPerSecond)), "peak_rss_mib": \(usage.ru_maxrss / 1024)}

      """
    FileHandle.standardOutput.write(Data(line.utf8))
  }
}
