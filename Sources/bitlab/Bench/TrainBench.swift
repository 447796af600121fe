import Foundation
import Networks
import Synchronization
import TensorCore

/// Times whole training steps of the article's experiments on random data: only the arithmetic.
struct TrainBench {
  private let options: BenchOptions
  private let progress: (String) -> Void
  private static let batch = 128

  init(_ options: BenchOptions, progress: @escaping (String) -> Void) {
    self.options = options
    self.progress = progress
  }

  func table() throws(OutOfMemory) -> BenchTable {
    let phase = options.evaluates ? "evaluation" : "training steps"
    let runs = options.runs == 1 ? "" : ", \(options.runs) runs at once"
    var table = BenchTable(
      name: "train",
      title:
        "\(phase), batch \(Self.batch), \(options.threadCount) threads\(runs), method \(options.method.rawValue)",
      nameColumns: ["experiment", "bits"],
      columns: [
        .init(key: "images_per_second", header: "images/s"), .init(key: "gflops", header: "GFLOP/s"),
        .init(key: "mflop_per_image", header: "MFLOP/image", digits: 2),
        .init(key: "peak_rss_mib", header: "peak MiB", digits: 0),
      ])
    table.conditions = [
      .init("batch", .integer(Self.batch)), .init("threads", .integer(options.threadCount)),
      .init("runs", .integer(options.runs)), .init("method", .string(options.method.rawValue)),
      .init("phase", .string(options.evaluates ? "evaluate" : "train")),
    ]
    for experiment in options.experiments {
      for precision in options.bits {
        progress("\(experiment.rawValue), \(precision.rawValue) bits")
        let specification = experiment.specification(precision, options.method)
        // What earlier rows took is not this one's.
        let isOwnPeak = PeakMemory.reset() || table.rows.isEmpty
        let speed = try speed(specification)
        let network = specification.network(shardImages: 1)
        let work = options.evaluates ? network.evaluationWork : network.trainingWork
        table.rows.append(
          .init(
            names: [experiment.rawValue, String(precision.rawValue)],
            figures: [speed, speed * work * 1e-9, work * 1e-6, isOwnPeak ? PeakMemory.mebibytes : nil]))
      }
    }
    return table
  }

  /// Images a second of all runs together: they begin together, and the clock stops when the last one ends.
  private func speed(_ specification: NetworkSpecification) throws(OutOfMemory) -> Double {
    let pool = ComputePool(cores: options.threadCount)
    let (seconds, evaluates) = (options.seconds ?? 6, options.evaluates)
    let models = try (0..<options.runs).map { _ throws(OutOfMemory) in
      try BenchedModel(specification, batch: Self.batch, pool: pool, evaluates: evaluates)
    }
    for model in models { for _ in 0..<3 { model.step() } }
    let steps = Atomic<Int>(0)
    let elapsed = BenchClock.time {
      let end = BenchClock.seconds + seconds
      BenchThreads.run(options.runs) { run in
        pool.withRun {
          repeat {
            models[run].step()
            steps.add(1, ordering: .relaxed)
          } while BenchClock.seconds < end
        }
      }
    }
    return Double(Self.batch * steps.load(ordering: .relaxed)) / elapsed
  }
}

/// A model with random images, and its training step or its evaluation.
struct BenchedModel: @unchecked Sendable {
  // Sendable invariant: one thread at a time trains it.
  private let model: Model
  private let trainingStep: TrainingStep
  /// nil for training.
  private let inference: Inference?
  private let batch: RandomSamples

  init(
    _ specification: NetworkSpecification, batch count: Int, pool: ComputePool, evaluates: Bool = false
  ) throws(OutOfMemory) {
    model = try Model(specification, batchSize: count, team: Team(pool: pool))
    trainingStep = try TrainingStep(model, optimizer: OptimizerSpecification())
    batch = RandomSamples(count: count, specification)
    model.parameters.initialize(seed: 0)
    model.parametersChanged()
    // Weights are packed once for a whole validation set.
    inference = evaluates ? model.inference : nil
  }

  func step() {
    if let inference { _ = inference.evaluate(batch) } else { _ = trainingStep(batch, rate: 1e-3) }
  }
}
