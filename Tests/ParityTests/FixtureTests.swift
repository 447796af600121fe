import Testing

/// No fixture is left out: a test over names that no file has would pass without testing anything.
struct FixtureTests {
  @Test(arguments: [
    ("layer-linear-", 6), ("layer-simple-bitnet-1bit-", 5), ("layer-simple-bitnet-2bit-", 5),
    ("layer-bitnet-1bit-", 5), ("layer-bitnet-2bit-", 5), ("layer-layernorm-", 4), ("layer-rmsnorm-", 4),
    ("layer-gelu", 1), ("layer-relu", 1), ("layer-cross-entropy-", 4), ("layer-attention-", 4),
    ("layer-patch-embedding-", 3), ("layer-mlp-block-", 1), ("layer-vit-block-", 1), ("optimizer-", 12),
  ])
  func groupIsWhole(prefix: String, count: Int) {
    #expect(Fixture.names(prefix).count == count, "files \(prefix)*")
  }

  @Test func layersBelongToGroups() {
    #expect(Fixture.names("layer-").count == 49)
  }

  @Test func networksHaveTheirFixtures() {
    let variants = NetworkVariant.all
    #expect(Set(Fixture.names("train-")) == Set(variants.map { "train-\($0.name)" }))
    #expect(
      Set(Fixture.names("step-")) == Set(variants.filter(\.roundsActivations).map { "step-\($0.name)" }))
    #expect(Set(Fixture.names("initial-")) == Set(variants.map(\.initialWeights)))
  }

  /// The hyperparameters that the tests train with are the fixtures'.
  @Test(arguments: NetworkVariant.all)
  func hyperparameters(variant: NetworkVariant) throws {
    let metadata = try Fixture("train-\(variant.name)").metadata
    #expect(metadata["optimizer"] == "adam")
    #expect(metadata["learning_rate"].flatMap(Double.init) == variant.learningRate)
    #expect(metadata["batch_size"] == "\(NetworkVariant.batchSize)")
    #expect(metadata["bits"] == "\(variant.precision.rawValue)")
    #expect(metadata["method"] == (variant.precision == .full ? nil : variant.method.rawValue))
    #expect(metadata["initial_weights"] == "\(variant.initialWeights).safetensors")
  }
}
