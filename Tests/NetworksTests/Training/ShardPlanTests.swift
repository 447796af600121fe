import Networks
import Testing

@Suite struct ShardPlanTests {
  @Test(arguments: Experiment.all)
  func everyImageComesOnceAndInOrder(experiment: Experiment) {
    let specification = experiment.specification(Variant(precision: .full))
    for batchSize in Array(1...70) + [127, 128, 129, 255, 256, 1000] {
      let plan = ShardPlan(specification, batchSize: batchSize)
      #expect((1...8).contains(plan.groups) && plan.shardImages <= plan.groupImages)
      for count in Set([1, batchSize / 3, batchSize - 1, batchSize]) where count > 0 {
        let groups = (0..<plan.groups).map { plan.group($0, of: count) }
        #expect(groups.flatMap { Array($0) } == Array(0..<count))
        let shards = groups.flatMap { Array(plan.shards(of: $0)) }
        #expect(shards.flatMap { Array($0) } == Array(0..<count))
        #expect(shards.allSatisfy { !$0.isEmpty && $0.count <= plan.shardImages })
        // Groups without images come last, so the others can be counted.
        let isUsed = groups.map { !$0.isEmpty }
        #expect(isUsed == isUsed.sorted { $0 && !$1 })
      }
    }
  }

  /// A batch of 128 keeps eight cores busy with a transformer.
  @Test func fullBatchesHaveEightGroups() {
    let plan = ShardPlan(Experiment.cifar.specification(Variant(precision: .binary)), batchSize: 128)
    #expect(plan.groups == 8 && plan.groupImages == 16)
  }

  /// As many groups for each of two, four or eight cores.
  @Test(arguments: Experiment.all)
  func groupsAreAPowerOfTwo(experiment: Experiment) {
    let specification = experiment.specification(Variant(precision: .full))
    let counts = stride(from: 8, through: 512, by: 8).map {
      ShardPlan(specification, batchSize: $0).groups
    }
    #expect(counts.allSatisfy { [1, 2, 4, 8].contains($0) }, "\(counts)")
  }

  /// A small batch has fewer, since each group's gradient is added up for all parameters; four keep four cores busy.
  @Test func smallBatchesHaveFewGroups() {
    let vit = Experiment.cifar.specification(Variant(precision: .full))
    #expect(ShardPlan(vit, batchSize: 16).groups == 4 && ShardPlan(vit, batchSize: 8).groups == 4)
    let mlp = Experiment.mnist.specification(Variant(precision: .full))
    #expect(ShardPlan(mlp, batchSize: 128).groups == 4 && ShardPlan(mlp, batchSize: 31).groups == 1)
  }
}
