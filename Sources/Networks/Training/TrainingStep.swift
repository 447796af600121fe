import TensorCore

/// The optimizer step of a model: forward, loss, backward, update, and the weights packed for the next step.
///
/// All sums are taken in an order that the config alone decides: within a group image after image, over the groups in
/// order, over a tensor chunk after chunk. All memory is allocated at the start.
package final class TrainingStep {
  package let model: Model
  package private(set) var optimizer: Optimizer
  /// Gradients of the groups; after a step the first holds the sum.
  let gradients: [ParameterValues]
  private let scores: PerTask<ClassificationScore>
  private let dots: PerTask<Double>
  private let squares: PerTask<Double>
  private var scaleTotals: [Double]
  private var scaleTerms: [Float]
  /// Largest global norm of the gradient; nil for no clipping.
  private let gradientClip: Double?

  package init(_ model: Model, optimizer: OptimizerSpecification, gradientClip: Double? = nil) {
    self.model = model
    self.gradientClip = gradientClip
    let layout = model.network.layout
    self.optimizer = Optimizer(optimizer, layout: layout)
    gradients = (0..<model.shardPlan.groups).map { _ in ParameterValues(layout: layout) }
    scores = PerTask(count: gradients.count, initial: ClassificationScore())
    dots = PerTask(count: model.chunks.count, initial: 0)
    squares = PerTask(count: model.chunks.count, initial: 0)
    scaleTotals = model.network.linears.map { _ in 0 }
    scaleTerms = model.network.linears.map { _ in 0 }
  }

  /// The gradient of the last step, before the update and clipped where that was asked for.
  package var gradient: ParameterValues { gradients[0] }

  /// Continues from so many steps; the optimizer's moments are set by their owner.
  package func resume(afterSteps count: Int) { optimizer.stepCount = count }

  /// One step on a batch.
  ///
  /// - Parameter rate: the learning rate.
  /// - Returns: the batch's loss (a sum over its samples) and correct answers, before the update. Where the loss is not
  ///   finite nothing is updated.
  package func callAsFunction(_ batch: some Samples, rate: Double) -> ClassificationScore {
    let groups = gradients.indices.count { !model.shardPlan.group($0, of: batch.count).isEmpty }
    model.team.forEach(groups, Backpropagation(step: self, batch: batch))
    let score = (0..<groups).reduce(into: ClassificationScore()) { $0 += scores[$1] }
    guard score.loss.isFinite else { return score }
    descend(groups: groups, rate: rate)
    return score
  }

  /// What follows once the first groups have their gradients: sum, scales' gradients, clipping and update.
  func descend(groups: Int, rate: Double) {
    model.team.forEach(model.chunks.count, Reduction(step: self, groups: groups))
    let clipping = clipGradients()
    update(rate: rate, clipping: clipping)
  }

  private struct Backpropagation<Batch: Samples>: ParallelLoop {
    let step: TrainingStep
    let batch: Batch

    func run(_ group: Int, slot: Int) {
      step.scores[group] = step.backpropagate(batch, group: group, slot: slot)
    }
  }

  /// Loss and gradients of one group of the batch.
  private func backpropagate(_ batch: some Samples, group: Int, slot: Int) -> ClassificationScore {
    let gradientScale = 1 / Float(batch.count)
    let images = model.shardPlan.group(group, of: batch.count)
    var score = ClassificationScore()
    for shard in model.shardPlan.shards(of: images) {
      let pass = model.forward(batch, shard, slot: slot)
      score += pass[model.network.logits].crossEntropy(gradientScale: gradientScale) {
        batch.label(shard.lowerBound + $0)
      }
      model.network.backward(
        BackwardPass(pass, gradients: gradients[group], accumulates: shard.lowerBound > images.lowerBound))
    }
    return score
  }

  /// Adds up the groups' gradients, and what the scales' gradients need of them.
  private struct Reduction: ChunkLoop {
    let step: TrainingStep
    let groups: Int

    func run(_ task: Int, slot: Int) {
      let chunk = step.model.chunks[task]
      let total = gradient(0, chunk)
      var group = 1
      while group + 3 <= groups {
        total.add(gradient(group, chunk), gradient(group + 1, chunk), gradient(group + 2, chunk))
        group += 3
      }
      while group < groups {
        total.add(gradient(group, chunk))
        group += 1
      }
      if let levels = step.scaleLevels(chunk) {
        step.dots[task] = step.model.parameters.storage.vector(chunk.range).scaleGradient(total, levels)
      }
    }

    private func gradient(_ group: Int, _ chunk: ParameterChunk) -> Vector {
      step.gradients[group].storage.vector(chunk.range)
    }
  }

  /// The levels of the chunk's layer, where gradients flow through its scale.
  private func scaleLevels(_ chunk: ParameterChunk) -> WeightLevels? {
    guard let linear = chunk.linear, linear.quantization?.scaleHasGradient == true else { return nil }
    return model.panels.levels[linear.index]
  }

  /// `2 / N <G, q - W / s>` of each layer whose scale has a gradient, by `Linear.index`.
  private func sumScaleTerms() {
    for index in scaleTotals.indices { scaleTotals[index] = 0 }
    for (index, chunk) in model.chunks.enumerated() where scaleLevels(chunk) != nil {
      scaleTotals[chunk.linear!.index] += dots[index]
    }
    for linear in model.network.linears {
      let count = Double(max(1, model.network.layout[linear.weight].count))
      scaleTerms[linear.index] = Float(2 * scaleTotals[linear.index] / count)
    }
  }

  private func addScaleGradient(_ chunk: ParameterChunk) {
    guard scaleLevels(chunk) != nil else { return }
    gradients[0].storage.vector(chunk.range)
      .addSigns(of: model.parameters.storage.vector(chunk.range), times: scaleTerms[chunk.linear!.index])
  }

  /// What remains to be done to each gradient before the update.
  private struct Clipping {
    /// Whether the scales' terms are already in the gradients.
    var termsAdded: Bool
    var factor: Float?
  }

  /// Completes each chunk's gradient and sums its squares.
  private struct SquareSums: ChunkLoop {
    let step: TrainingStep

    func run(_ task: Int, slot: Int) {
      let chunk = step.model.chunks[task]
      step.addScaleGradient(chunk)
      step.squares[task] = step.gradients[0].storage.vector(chunk.range).sumOfSquares()
    }
  }

  /// torch.nn.utils.clip_grad_norm_: the gradients times `clip / (norm + 1e-6)`, where that is below 1.
  private func clipGradients() -> Clipping {
    sumScaleTerms()
    guard let gradientClip else { return Clipping(termsAdded: false, factor: nil) }
    model.team.forEach(model.chunks.count, SquareSums(step: self))
    let norm = (0..<model.chunks.count).reduce(0) { $0 + squares[$1] }.squareRoot()
    let factor = gradientClip / (norm + 1e-6)
    return Clipping(termsAdded: true, factor: factor < 1 ? Float(factor) : nil)
  }

  private func update(rate: Double, clipping: Clipping) {
    model.team.forEach(
      model.chunks.count, Update(step: self, update: optimizer.update(rate: rate), clipping: clipping))
    model.packWeights()
    optimizer.stepCount += 1
  }

  /// Updates each chunk, and sums what its layer's scale is computed from.
  private struct Update: ChunkLoop {
    let step: TrainingStep
    let update: OptimizerUpdate
    let clipping: Clipping

    func run(_ task: Int, slot: Int) {
      let chunk = step.model.chunks[task]
      let gradient = step.gradients[0].storage
      if !clipping.termsAdded { step.addScaleGradient(chunk) }
      if let factor = clipping.factor { gradient.vector(chunk.range).scale(by: factor) }
      update.apply(chunk.range, parameters: step.model.parameters.storage, gradients: gradient)
      step.model.sumWeights(of: task)
    }
  }
}

/// A loop over the model's chunks: in all of them each thread begins with the same ones.
private protocol ChunkLoop: ParallelLoop {
  var step: TrainingStep { get }
}

extension ChunkLoop {
  func firstTask(ofSlot slot: Int, threads: Int, count: Int) -> Int {
    step.model.chunkSizes.firstTask(ofSlot: slot, threads: threads)
  }
}
