import Networks
import TensorCore
import Testing

/// Training gives the same bits at every number of threads.
@Suite struct ByteIdentityTests {
  /// What a short training leaves.
  private struct Outcome: Equatable {
    var losses: [UInt64] = []
    var correct: [Int] = []
    var parameters: [[UInt32]] = []
    var moments: [[[UInt32]]] = []
    var validation: [UInt64] = []
  }

  private static let batch = 20

  /// Two epochs over 47 samples: two full batches and a short one each.
  private func train(_ specification: NetworkSpecification, limit: Int) -> Outcome {
    let model = Model(
      specification, batchSize: Self.batch, team: Team(pool: ComputePool(cores: 4), limit: limit))
    let samples = TestSamples(count: 47, of: specification, seed: 1)
    model.parameters.initialize(seed: 3)
    model.parametersChanged()
    let step = TrainingStep(model, optimizer: OptimizerSpecification(kind: .adamw), gradientClip: 0.5)
    var outcome = Outcome()
    for _ in 0..<2 {
      for first in stride(from: 0, to: samples.count, by: Self.batch) {
        let score = step(samples[first..<min(samples.count, first + Self.batch)], rate: 0.01)
        outcome.losses.append(score.loss.bitPattern)
        outcome.correct.append(score.correct)
      }
      outcome.validation.append(model.evaluate(samples)!.loss.bitPattern)
    }
    outcome.parameters = model.parameters.bits
    outcome.moments = step.optimizer.moments.map(\.values.bits)
    return outcome
  }

  @Test(arguments: [Self.mlp, Self.vit], Variant.all)
  func anyNumberOfThreadsGivesTheSameBits(network: NetworkCase, variant: Variant) {
    let specification = network.specification(variant)
    let plan = ShardPlan(specification, batchSize: Self.batch)
    #expect(plan.groups == network.count, "the case is meant to have several groups")
    let alone = train(specification, limit: 1)
    #expect(alone.losses.allSatisfy { Double(bitPattern: $0).isFinite })
    #expect(Set(alone.losses).count > 1)
    for limit in [2, 3, 4] { #expect(train(specification, limit: limit) == alone, "limit \(limit)") }
  }

  /// Wide enough for several chunks and bands; `count` is the number of groups.
  private static let mlp = NetworkCase(
    name: "MLP", architecture: .mlp(MLPSpecification(hidden: [130, 17], bias: [true, false, true])),
    image: ImageShape(channels: 1, height: 13, width: 13), classes: 5, count: 1)

  private static let vit = NetworkCase(
    name: "ViT",
    architecture: .vit(ViTSpecification(width: 36, layers: 2, heads: 3, mlpWidth: 50, patch: 2)),
    image: ImageShape(channels: 1, height: 8, width: 8), classes: 5, count: 4)
}
