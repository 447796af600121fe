import Foundation
import Networks
import Synchronization
import TensorCore

/// Times whole training steps, batch 128, of the article's experiments on random data: only the arithmetic.
struct TrainBench {
  private let options: BenchOptions
  private let progress: (String) -> Void

  init(_ options: BenchOptions, progress: @escaping (String) -> Void) {
    self.options = options
    self.progress = progress
  }

  func table() -> BenchTable {
    let phase = options.evaluates ? "evaluation" : "training steps"
    let runs = options.runs == 1 ? "" : ", \(options.runs) runs at once"
    var table = BenchTable(
      name: "train",
      title: "\(phase), batch 128, \(options.threadCount) threads\(runs), method \(options.method.rawValue)",
      nameColumns: ["experiment", "bits"],
      columns: [
        .init(key: "images_per_second", header: "images/s"), .init(key: "gflops", header: "GFLOP/s"),
        .init(key: "mflop_per_image", header: "MFLOP/image", digits: 2),
        .init(key: "peak_rss_mib", header: "peak MiB", digits: 0),
      ])
    for experiment in options.experiments {
      for precision in options.bits {
        progress("\(experiment.rawValue), \(precision.rawValue) bits")
        let specification = experiment.specification(precision, options.method)
        // What earlier rows took is not this one's.
        let isOwnPeak = PeakMemory.reset() || table.rows.isEmpty
        let speed = speed(specification)
        let work = Double(options.evaluates ? specification.evaluationWork : specification.trainingWork)
        table.rows.append(
          .init(
            names: [experiment.rawValue, String(precision.rawValue)],
            figures: [speed, speed * work * 1e-9, work * 1e-6, isOwnPeak ? PeakMemory.mebibytes : nil]))
      }
    }
    return table
  }

  /// Images a second of all runs together.
  private func speed(_ specification: NetworkSpecification) -> Double {
    let pool = ComputePool(cores: options.threadCount)
    let (seconds, evaluates) = (options.seconds ?? 6, options.evaluates)
    let speeds = Mutex<[Double]>([])
    BenchThreads.run(options.runs) { _ in
      let speed = pool.withRun {
        BenchedModel(specification, batch: 128, pool: pool).speed(for: seconds, evaluates: evaluates)
      }
      speeds.withLock { $0.append(speed) }
    }
    return speeds.withLock { $0.reduce(0, +) }
  }
}

/// A model with random images, and its training step.
struct BenchedModel: @unchecked Sendable {
  // Sendable invariant: one thread at a time trains it.
  private let model: Model
  private let step: TrainingStep
  private let batch: RandomSamples

  init(_ specification: NetworkSpecification, batch count: Int, pool: ComputePool) {
    model = Model(specification, batchSize: count, team: Team(pool: pool))
    step = TrainingStep(model, optimizer: OptimizerSpecification())
    batch = RandomSamples(count: count, specification)
    model.parameters.initialize(seed: 0)
    model.parametersChanged()
  }

  func train() { _ = step(batch, rate: 1e-3) }

  /// Images a second, from the first step after the warm-up to the last.
  func speed(for seconds: Double, evaluates: Bool) -> Double {
    let times = BenchClock.times(for: seconds) {
      if evaluates { _ = model.evaluate(batch) } else { train() }
    }
    return Double(batch.count * times.count) / times.reduce(0, +)
  }
}
