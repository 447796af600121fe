import Foundation
import Networks
import TensorCore

/// Times whole training steps, batch 128, of the article's experiments.
struct TrainingBenchmark {
  struct Options {
    var experiments = BenchmarkedExperiment.allCases
    var bits = WeightPrecision.allCases
    var threads = ProcessInfo.processInfo.activeProcessorCount
    var seconds = 6.0
    var evaluates = false
    var method = QuantizationMethod.simpleBitNet

    struct Problem: Error, CustomStringConvertible {
      var description: String
    }

    init(_ words: [String]) throws(Problem) {
      guard words.first == "train" else {
        throw Problem(description: "expected `train` or `gemm`")
      }
      var rest = words.dropFirst()
      while let word = rest.popFirst() {
        var values: [String] = []
        while let next = rest.first, !next.hasPrefix("--") {
          values.append(next)
          rest.removeFirst()
        }
        switch word {
        case "--experiment": experiments = try Self.parse(values, word, BenchmarkedExperiment.init(rawValue:))
        case "--bits":
          bits = try Self.parse(values, word) { Int($0).flatMap(WeightPrecision.init(rawValue:)) }
        case "--threads": threads = try Self.parse(values, word) { Int($0) }[0]
        case "--seconds": seconds = try Self.parse(values, word) { Double($0) }[0]
        case "--method": method = try Self.parse(values, word, QuantizationMethod.init(rawValue:))[0]
        case "--evaluate": evaluates = true
        case "--json": break
        default: throw Problem(description: "unknown option \(word)")
        }
      }
    }

    private static func parse<Value>(
      _ words: [String], _ option: String, _ read: (String) -> Value?
    ) throws(Problem) -> [Value] {
      var values: [Value] = []
      for word in words {
        guard let value = read(word) else { throw Problem(description: "\(option) does not take \(word)") }
        values.append(value)
      }
      if values.isEmpty { throw Problem(description: "\(option) needs a value") }
      return values
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
