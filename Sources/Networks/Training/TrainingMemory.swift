import TensorCore

/// What training a network holds in memory, known before any of it is allocated.
package struct TrainingMemory: Sendable, Hashable {
  package let parameters: Int
  /// Bytes; of a network that no machine holds more than an integer has.
  package let size: Double
  /// Of a checkpoint's tensors, which lie in memory a second time while a run goes on from it.
  package let checkpointBytes: Int

  package var bytes: Int { Int(min(size, Double(Size.largest))) }

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
    let perThread = Size.sum(network.plan.count, network.scratchCount)
    parameters = layout.parameterCount
    checkpointBytes = Size.product(4 * copies, layout.storageCount)
    size = 4 * (Double(layout.storageCount) * Double(perParameter) + Double(perThread) * Double(threads))
  }
}
