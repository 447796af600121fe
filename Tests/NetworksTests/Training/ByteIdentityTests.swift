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

  private static let cores = 4

  /// Two epochs over two full batches and a short one each.
  ///
  /// - Parameter others: cores that other runs hold in each step, over and over.
  private func train(_ network: NetworkCase, _ variant: Variant, limit: Int, others: [Int] = [0]) throws
    -> Outcome
  {
    let specification = network.specification(variant)
    let pool = ComputePool(cores: Self.cores)
    let model = try Model(specification, batchSize: network.count, team: Team(pool: pool, limit: limit))
    let samples = TestSamples(count: 2 * network.count + 7, of: specification, seed: 1)
    model.parameters.initialize(seed: 3)
    model.parametersChanged()
    let step = try TrainingStep(model, optimizer: OptimizerSpecification(kind: .adamw), gradientClip: 0.5)
    var outcome = Outcome()
    for _ in 0..<2 {
      for first in stride(from: 0, to: samples.count, by: network.count) {
        let batch = samples[first..<min(samples.count, first + network.count)]
        let score = pool.with(others[outcome.losses.count % others.count]) { step(batch, rate: 0.01) }
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
  func anyNumberOfThreadsGivesTheSameBits(network: NetworkCase, variant: Variant) throws {
    let plan = ShardPlan(network.specification(variant), batchSize: network.count)
    #expect(plan.groups == 4, "the case is meant to have several groups")
    let alone = try train(network, variant, limit: 1)
    #expect(alone.losses.allSatisfy { Double(bitPattern: $0).isFinite })
    #expect(Set(alone.losses).count > 1)
    for limit in [2, 3, 4] { #expect(try train(network, variant, limit: limit) == alone, "limit \(limit)") }
  }

  /// Other runs begin and end: the cores that a run has change from step to step.
  @Test(arguments: [Self.mlp, Self.vit], Variant.all)
  func coresThatComeAndGoLeaveTheBits(network: NetworkCase, variant: Variant) throws {
    let alone = try train(network, variant, limit: 1)
    #expect(try train(network, variant, limit: Self.cores, others: [0, 3, 1, 4, 2]) == alone)
  }

  /// Wide enough for several chunks and bands.
  private static let mlp = NetworkCase(
    name: "MLP", architecture: MLPSpecification(hidden: [130, 17], bias: [true, false, true]),
    image: ImageShape(channels: 1, height: 13, width: 13), classes: 5, count: 140)

  private static let vit = NetworkCase(
    name: "ViT",
    architecture: ViTSpecification(width: 36, layers: 2, heads: 3, mlpWidth: 50, patch: 2),
    image: ImageShape(channels: 1, height: 8, width: 8), classes: 5, count: 20)
}

extension ComputePool {
  /// Calls `body` as one run beside so many others.
  fileprivate func with<Result>(_ others: Int, _ body: () -> Result) -> Result {
    withRun { others == 0 ? body() : with(others - 1, body) }
  }
}
