import Datasets
import Dispatch
import Experiments
import Networks
import TensorCore

/// A run's arithmetic and nothing else: the same network, data, batches, steps and validations as a daemon computes for
/// it, without files, rows, checkpoints or a queue.
struct BareTraining {
  let plan: RunPlan
  let dataset: Dataset
  let pool: ComputePool

  struct Result {
    var seconds: Double
    var cpuSeconds: Double
  }

  /// Begins to train, on a thread like a daemon's, with a stack and an allocator arena of its own.
  ///
  /// - Parameters:
  ///   - gate: passed before each step.
  ///   - done: called with the last validation's mean loss, by which it can be seen that both computed the same.
  func begin(through gate: Gate, done: @escaping @Sendable (Swift.Result<Double, any Error>) -> Void) {
    DispatchQueue(label: "benchmark.run", qos: .userInitiated).async {
      done(Swift.Result { try pool.withRun { try train(gate) } })
    }
  }

  private func train(_ gate: Gate) throws -> Double {
    gate.pass()
    let training = plan.training
    let specification = plan.networkSpecification(
      image: dataset.shape,
      classes: dataset.classes)
    let model = try Model(
      specification, batchSize: min(training.batchSize, dataset.train.count), team: Team(pool: pool))
    let step = try TrainingStep(model, optimizer: training.optimizer, gradientClip: training.gradientClip)
    let table = dataset.train.table(plan.dataset.normalize)
    let schedule = LearningRateSchedule(
      kind: training.schedule, base: training.learningRate, warmupSteps: training.warmupSteps,
      totalSteps: training.epochs * order(epoch: 0).count)
    model.parameters.initialize(seed: plan.seed)
    model.parametersChanged()
    var steps = 0
    var loss = Double.nan
    for epoch in 0..<training.epochs {
      for batch in order(epoch: epoch) {
        gate.pass()
        let samples = BareSamples(images: dataset.train, table: table, indices: batch)
        _ = step(samples, rate: schedule.rate(afterSteps: steps))
        steps += 1
      }
      let all = BareSamples(images: dataset.validation, table: table, indices: 0..<dataset.validation.count)
      loss = (model.evaluate(all)?.loss ?? .nan) / Double(all.count)
    }
    return loss
  }

  private func order(epoch: Int) -> BatchOrder {
    guard plan.training.shuffle else {
      return BatchOrder(sampleCount: dataset.train.count, batchSize: plan.training.batchSize)
    }
    var random = RandomStream(seed: plan.seed, purpose: "shuffle.epoch.\(epoch)")
    return BatchOrder(
      permutation: random.permutation(dataset.train.count), batchSize: plan.training.batchSize)
  }
}

/// Samples converted from the shared bytes as they are asked for.
private struct BareSamples<Indices: RandomAccessCollection & Sendable>: Samples
where Indices.Element == Int, Indices.Index == Int {
  let images: LabeledImages
  let table: PixelTable
  let indices: Indices

  var count: Int { indices.count }

  func load(_ position: Int, into target: Vector) {
    target.withMutableValues { images.convert(indices[position], with: table, into: $0) }
  }

  func label(_ position: Int) -> Int { images.label(indices[position]) }
}
