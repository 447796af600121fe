import Networks
import TensorCore
import Testing

@Suite struct InitializationTests {
  /// The initial tensors of an experiment's variant, by name.
  private func values(
    _ experiment: Experiment, _ variant: Variant, _ initialization: Initialization = .standard, seed: Int = 0
  ) throws -> [String: [Double]] {
    let layout = experiment.specification(variant, initialization: initialization)
      .network(shardImages: 1).layout
    let parameters = try ParameterValues(layout: layout)
    parameters.initialize(seed: seed)
    return parameters.tables.mapValues(\.values)
  }

  private static let full = Variant(precision: .full)
  private static let block = "vit.encoder.layer.3."

  @Test(arguments: Variant.all)
  func mlpsAreUniform(variant: Variant) throws {
    let values = try values(.mnist, variant)
    for (layer, inputs) in [784, 128, 10, 10].enumerated() {
      try expectUniform(values["layers.\(layer).weight"], inputs: inputs)
      if layer != 1 || variant.precision != .full {
        try expectUniform(values["layers.\(layer).bias"], inputs: inputs)
      }
    }
  }

  @Test func fullPrecisionTransformersAreNormal() throws {
    let values = try values(.cifar, Self.full)
    for name in [
      "vit.embeddings.cls_token", "vit.embeddings.position_embeddings", "classifier.weight",
      "vit.embeddings.patch_embeddings.projection.weight", Self.block + "attention.attention.key.weight",
      Self.block + "output.dense.weight",
    ] { try expectNormal(values[name]) }
    for (name, tensor) in values where name.hasSuffix("bias") { #expect(tensor.allSatisfy { $0 == 0 }) }
    expectPlainNorms(values)
  }

  /// The linear layers are uniform, biases and classifier included; everything else is as in full precision.
  @Test(arguments: Variant.all.dropFirst())
  func quantizedTransformersHaveUniformLinearLayers(variant: Variant) throws {
    let (values, full) = (try values(.cifar, variant), try values(.cifar, Self.full))
    for part in ["attention.attention.query", "attention.output.dense", "intermediate.dense"] {
      try expectUniform(values[Self.block + part + ".weight"], inputs: 128)
      try expectUniform(values[Self.block + part + ".bias"], inputs: 128)
    }
    try expectUniform(values[Self.block + "output.dense.weight"], inputs: 256)
    try expectUniform(values[Self.block + "output.dense.bias"], inputs: 256)
    try expectUniform(values["classifier.weight"], inputs: 128)
    try expectUniform(values["classifier.bias"], inputs: 128)
    for name in full.keys where name.hasPrefix("vit.embeddings") || name.contains("layernorm") {
      #expect(values[name] == full[name], "\(name)")
    }
    expectPlainNorms(values)
  }

  @Test(arguments: Variant.all)
  func theConfigMayChooseForTheLinearLayers(variant: Variant) throws {
    let uniform = try values(.cifar, variant, .uniform)
    try expectUniform(uniform[Self.block + "output.dense.weight"], inputs: 256)
    try expectUniform(uniform["classifier.bias"], inputs: 128)
    try expectNormal(uniform["vit.embeddings.patch_embeddings.projection.weight"])
    let normal = try values(.mnist, variant, .normal)
    try expectNormal(normal["layers.0.weight"])
    #expect(normal["layers.0.bias"]?.allSatisfy { $0 == 0 } == true)
  }

  /// Tensors that variants share start equal; seeds and names make a difference.
  @Test func sharedTensorsStartEqual() throws {
    let full = try values(.mnist, Self.full)
    for variant in Variant.all.dropFirst() {
      let other = try values(.mnist, variant)
      for (name, tensor) in full { #expect(other[name] == tensor, "\(name)") }
      #expect(try values(.cifar, variant) == values(.cifar, Variant.all[1]))
    }
    #expect(try values(.mnist, Self.full, seed: 1)["layers.0.weight"] != full["layers.0.weight"])
    #expect(full["layers.2.weight"] != full["layers.3.weight"])
  }

  private func expectUniform(_ values: [Double]?, inputs: Int) throws {
    let values = try #require(values)
    let bound = 1 / Double(inputs).squareRoot()
    #expect(values.allSatisfy { abs($0) <= bound * 1.000_001 })
    #expect(values.map(abs).max()! > 0.5 * bound)
    expectMoments(values, deviation: bound / 3.0.squareRoot())
  }

  private func expectNormal(_ values: [Double]?) throws {
    let values = try #require(values)
    #expect(values.count < 1000 || values.map(abs).max()! > 0.05)
    expectMoments(values, deviation: 0.02)
  }

  /// Mean and deviation within five standard errors.
  private func expectMoments(_ values: [Double], deviation: Double) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let actual = (values.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
    #expect(abs(mean) < 5 * deviation / count.squareRoot())
    #expect(abs(actual / deviation - 1) < 5 / (2 * count).squareRoot())
  }

  private func expectPlainNorms(_ values: [String: [Double]]) {
    for (name, tensor) in values where name.contains("layernorm") {
      #expect(tensor.allSatisfy { $0 == (name.hasSuffix("weight") ? 1 : 0) }, "\(name)")
    }
  }
}
