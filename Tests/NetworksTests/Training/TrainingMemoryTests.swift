import Networks
import TensorCore
import Testing

@Suite struct TrainingMemoryTests {
  /// A model has room for each thread of its team, also for more than there are groups: evaluation uses them all.
  @Test(arguments: Experiment.all)
  func everyThreadHasItsRoom(experiment: Experiment) {
    let specification = experiment.specification(Variant(precision: .full))
    let plan = ShardPlan(specification, batchSize: 128)
    let bytes = [plan.groups, plan.groups + 1, plan.groups + 2].map {
      TrainingMemory(specification, batchSize: 128, threads: $0).bytes
    }
    let network = specification.network(shardImages: plan.shardImages)
    #expect(bytes[1] - bytes[0] >= 4 * network.plan.count && bytes[2] - bytes[1] == bytes[1] - bytes[0])
  }
}
