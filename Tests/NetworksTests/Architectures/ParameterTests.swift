import Networks
import Testing

@Suite struct ParameterTests {
  private func network(_ experiment: Experiment, _ variant: Variant = Variant(precision: .full))
    -> any Network
  { experiment.specification(variant).network(shardImages: 1) }

  @Test(arguments: Experiment.all)
  func parameterCounts(experiment: Experiment) {
    #expect(network(experiment).layout.parameterCount == experiment.parameters)
  }

  /// The article's quantized MLP has one more bias, of ten values.
  @Test func quantizedVariantsHaveABiasMore() {
    let variant = Variant(precision: .ternary)
    #expect(network(.mnist, variant).layout.parameterCount == 101_990)
    #expect(network(.cifar, variant).layout.parameterCount == 1_087_716)
  }

  /// Each tensor begins on a cache line and none overlaps another.
  @Test(arguments: Experiment.all)
  func tensorsLieApart(experiment: Experiment) {
    let layout = network(experiment).layout
    var end = 0
    for tensor in layout.tensors {
      #expect(tensor.range.lowerBound >= end && tensor.range.lowerBound % 16 == 0)
      #expect(tensor.count == tensor.shape.reduce(1, *))
      end = tensor.range.upperBound
    }
    #expect(end <= layout.storageCount)
    #expect(Set(layout.tensors.map(\.name)).count == layout.tensors.count)
  }

  @Test func namesAndShapesOfTheMLP() {
    let shapes = network(.mnist).layout.tensors.map { "\($0.name) \($0.shape)" }
    #expect(
      shapes == [
        "layers.0.weight [128, 784]", "layers.0.bias [128]", "layers.1.weight [10, 128]",
        "layers.2.weight [10, 10]", "layers.2.bias [10]", "layers.3.weight [10, 10]", "layers.3.bias [10]",
      ])
  }

  /// Those that ViT checkpoints have.
  @Test func namesAndShapesOfTheViT() {
    var expected = [
      "vit.embeddings.cls_token [1, 1, 128]", "vit.embeddings.position_embeddings [1, 65, 128]",
      "vit.embeddings.patch_embeddings.projection.weight [128, 3, 4, 4]",
      "vit.embeddings.patch_embeddings.projection.bias [128]", "vit.layernorm.weight [128]",
      "vit.layernorm.bias [128]", "classifier.weight [100, 128]", "classifier.bias [100]",
    ]
    for layer in 0..<8 {
      let parts = [
        "layernorm_before.weight [128]", "layernorm_before.bias [128]",
        "attention.attention.query.weight [128, 128]", "attention.attention.query.bias [128]",
        "attention.attention.key.weight [128, 128]", "attention.attention.key.bias [128]",
        "attention.attention.value.weight [128, 128]", "attention.attention.value.bias [128]",
        "attention.output.dense.weight [128, 128]", "attention.output.dense.bias [128]",
        "layernorm_after.weight [128]", "layernorm_after.bias [128]",
        "intermediate.dense.weight [256, 128]", "intermediate.dense.bias [256]",
        "output.dense.weight [128, 256]", "output.dense.bias [128]",
      ]
      expected += parts.map { "vit.encoder.layer.\(layer).\($0)" }
    }
    let shapes = network(.cifar).layout.tensors.map { "\($0.name) \($0.shape)" }
    #expect(shapes.sorted() == expected.sorted())
  }

  /// Packed bits of each matrix, each row rounded up to bytes, a float32 scale each, and four bytes for every other value.
  @Test func weightBytes() {
    #expect(network(.mnist).weightBytes == 101_980 * 4)
    let biases = (128 + 10 + 10 + 10) * 4
    let ternary = 100_352 / 4 + 1280 / 4 + 10 * 3 + 10 * 3 + 4 * 4
    #expect(network(.mnist, Variant(precision: .ternary)).weightBytes == ternary + biases)
    let binary = 100_352 / 8 + 1280 / 8 + 10 * 2 + 10 * 2 + 4 * 4
    #expect(network(.mnist, Variant(precision: .binary)).weightBytes == binary + biases)

    // Of the transformer's, patch embedding, norms, tokens and biases stay as they are.
    let matrices = 6 * (4 * 128 * 128 + 2 * 128 * 256) + 1280
    let rest = (805_130 - matrices) * 4
    let scales = (6 * 6 + 1) * 4
    #expect(network(.fashion).weightBytes == 805_130 * 4)
    #expect(network(.fashion, Variant(precision: .ternary)).weightBytes == matrices / 4 + scales + rest)
    #expect(network(.fashion, Variant(precision: .binary)).weightBytes == matrices / 8 + scales + rest)
  }
}
