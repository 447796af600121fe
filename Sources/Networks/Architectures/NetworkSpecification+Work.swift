extension NetworkSpecification {
  /// Floating-point operations of one image's training step in matrix products, a multiplication and an addition each:
  /// forward, the weights' gradients, and the inputs' where they are needed. What is executed: the ViT's last block works
  /// on the class token, but for keys and values.
  package var trainingWork: Int {
    passes.reduce(0) { $0 + 2 * $1.multiplications * ($1.needsInputGradient ? 3 : 2) }
  }

  /// The same of an evaluation.
  package var evaluationWork: Int { passes.reduce(0) { $0 + 2 * $1.multiplications } }

  private struct Pass {
    var multiplications: Int
    var needsInputGradient = true
  }

  private var passes: [Pass] {
    switch architecture {
    case .mlp(let mlp):
      let widths = [image.count] + mlp.hidden + [classes]
      return zip(widths, widths.dropFirst()).enumerated().map {
        Pass(multiplications: $1.0 * $1.1, needsInputGradient: $0 > 0)
      }
    case .vit(let vit):
      let patches = image.height / vit.patch * (image.width / vit.patch)
      let tokens = patches + 1
      let embedding = Pass(
        multiplications: patches * image.channels * vit.patch * vit.patch * vit.width,
        needsInputGradient: false)
      let blocks = (0..<vit.layers).flatMap { layer -> [Pass] in
        let queries = layer + 1 < vit.layers ? tokens : 1
        return [
          // Keys and values; queries and the output; up and down.
          Pass(multiplications: 2 * tokens * vit.width * vit.width),
          Pass(multiplications: 2 * queries * vit.width * vit.width),
          Pass(multiplications: 2 * queries * vit.width * vit.mlpWidth),
          // Scores and context: two products forward, four backward.
          Pass(multiplications: 2 * queries * tokens * vit.width),
        ]
      }
      return [embedding] + blocks + [Pass(multiplications: vit.width * classes)]
    }
  }
}

/// What training a network holds in memory, known before any of it is allocated.
package struct TrainingMemory: Sendable, Hashable {
  package let parameters: Int
  package let bytes: Int
  /// Of a checkpoint's tensors, which lie in memory a second time while a run goes on from it.
  package let checkpointBytes: Int

  /// Counts parameters, gradients, two moments, the copies that checkpoints are written from, packed weights, and each
  /// thread's activations; not the data.
  ///
  /// - Parameter threads: that may share one run.
  package init(_ specification: NetworkSpecification, batchSize: Int, threads: Int) {
    let plan = ShardPlan(specification, batchSize: batchSize)
    let network = specification.network(shardImages: plan.shardImages)
    let layout = network.layout
    let (moments, copies, panels) = (2, 3, 2)
    let perParameter = 1 + plan.groups + moments + copies + panels
    let perThread = network.plan.count + network.scratchCount
    parameters = layout.parameterCount
    checkpointBytes = 4 * layout.storageCount * copies
    bytes = 4 * (layout.storageCount * perParameter + perThread * threads)
  }
}
