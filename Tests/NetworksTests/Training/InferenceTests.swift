import TensorCore
import Testing

@testable import Networks

/// Evaluation on packed weights is that of the panels that training multiplies by, to the bit.
struct InferenceTests {
  @Test(arguments: NetworkCase.all, Variant.all)
  func packedWeightsGiveTheBitsOfTraining(network: NetworkCase, variant: Variant) throws {
    // One sample alone, and more than fill a shard: products of few rows have kernels of their own.
    for count in [1, 37] {
      let specification = network.specification(variant)
      let model = try Model(specification, batchSize: 8, team: Team(pool: ComputePool(cores: 2)))
      let samples = TestSamples(count: count, of: specification, seed: 1)
      model.parameters.fillForTests(seed: 1)
      model.parametersChanged()
      let packed = model.inference(with: model.packedWeights).logits(samples)
      var trained: [Float] = []
      var score = ClassificationScore()
      for shard in model.shardPlan.shards(of: 0..<count) {
        let logits = model.forward(samples, shard, slot: 0)[model.network.logits]
        trained += logits.array
        score += logits.crossEntropy(gradientScale: 0) { samples.label(shard.lowerBound + $0) }
      }
      #expect(
        withExtendedLifetime(packed) { packed.all.array } == trained && !trained.contains { $0.isNaN })
      #expect(try #require(model.evaluate(samples)) == score)
      #expect(try #require(model.inference(with: model.packedWeights).evaluate(samples)) == score)
      let classified = model.inference.classify(samples)
      #expect(classified.score == score)
      #expect(
        classified.classes.indices.count { classified.classes[$0] == samples.label($0) } == score.correct)
    }
  }

  /// Nothing of what training has is left: not even a place for latent weights.
  @Test(arguments: NetworkCase.all, Variant.all)
  func quantizedWeightsAreHeldPackedAlone(network: NetworkCase, variant: Variant) throws {
    let model = try Model(
      network.specification(variant), batchSize: 2, team: Team(pool: ComputePool(cores: 1)))
    model.parameters.fillForTests(seed: 1)
    model.parametersChanged()
    let weights = model.packedWeights
    for linear in model.network.linears {
      let matrix = weights.matrices[linear.index]
      #expect((matrix == nil) == (linear.quantizer == nil))
      guard let matrix else { continue }
      #expect(matrix.rows == linear.outputs && matrix.columns == linear.inputs)
      let perByte = matrix.format == .ternary ? 4 : 8
      #expect(matrix.bytes.count == linear.outputs * ((linear.inputs + perByte - 1) / perByte))
    }
  }
}
