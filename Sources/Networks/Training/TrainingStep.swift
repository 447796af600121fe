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
  /// Views of `gradients`.
  private let gradientViews: [Vector]
  private var scaleTotals: [Double]
  private var scaleTerms: [Float]
  /// Largest global norm of the gradient; nil for no clipping.
  private let gradientClip: Double?

  package init(
    _ model: Model, optimizer: OptimizerSpecification, gradientClip: Double? = nil
  ) throws(OutOfMemory) {
    self.model = model
    self.gradientClip = gradientClip
    let layout = model.network.layout
    self.optimizer = try Optimizer(optimizer, layout: layout)
    gradients = try (0..<model.shardPlan.groups).map { _ throws(OutOfMemory) in
      try ParameterValues(layout: layout)
    }
    gradientViews = gradients.map(\.storage.all)
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
    let work = ChunkWork(
      chunks: model.chunks, sizes: model.chunkSizes, parameters: model.parameters.storage.all,
      gradients: gradientViews, levels: model.panels.levels)
    model.team.forEach(model.chunks.count, GradientSum(work: work, groups: groups, dots: dots))
    sumScaleTerms(work)
    let clipping = clipGradients(work)
    model.team.forEach(
      model.chunks.count,
      Update(
        work: work, update: optimizer.update(rate: rate), clipping: clipping, scaleTerms: scaleTerms,
        sums: model.sums))
    model.packWeights()
    optimizer.stepCount += 1
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
        BackwardPass(
          pass, panels: model.panels, gradients: gradients[group],
          accumulates: shard.lowerBound > images.lowerBound))
    }
    return score
  }

  /// `2 / N <G, q - W / s>` of each layer whose scale has a gradient, by `Linear.index`.
  private func sumScaleTerms(_ work: ChunkWork) {
    for index in scaleTotals.indices { scaleTotals[index] = 0 }
    for (index, chunk) in work.chunks.enumerated() where work.scaleLevels(chunk) != nil {
      scaleTotals[chunk.linear!.index] += dots[index]
    }
    for linear in model.network.linears {
      let count = Double(max(1, model.network.layout[linear.weight].count))
      scaleTerms[linear.index] = Float(2 * scaleTotals[linear.index] / count)
    }
  }

  /// torch.nn.utils.clip_grad_norm_: the gradients times `clip / (norm + 1e-6)`, where that is below 1.
  private func clipGradients(_ work: ChunkWork) -> Clipping {
    guard let gradientClip else { return Clipping(termsAdded: false, factor: nil) }
    model.team.forEach(
      work.chunks.count, SquareSums(work: work, scaleTerms: scaleTerms, squares: squares))
    let norm = (0..<work.chunks.count).reduce(0) { $0 + squares[$1] }.squareRoot()
    let factor = gradientClip / (norm + 1e-6)
    return Clipping(termsAdded: true, factor: factor < 1 ? Float(factor) : nil)
  }
}
