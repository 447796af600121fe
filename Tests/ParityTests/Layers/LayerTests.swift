import TensorCore
import Testing

@testable import Networks

/// Layers give PyTorch's outputs and gradients, within 1e-5 of each tensor's largest element.
///
/// The fixtures are computed in float64 and rounded once, so the tolerance is for the program's own rounding alone. Each
/// layer runs twice: on all images at once, and two at a time, where later shards add to the gradients of the first.
struct LayerTests {
  static let tolerance = 1e-5
  static let shardSizes = [Int.max, 2]

  @Test(arguments: Fixture.names("layer-linear-"), shardSizes)
  func linear(name: String, shardImages: Int) throws {
    try expectParity(name, shardImages) { try TestedLinear($0, &$1) }
  }

  @Test(arguments: Fixture.names("layer-layernorm-"), shardSizes)
  func layerNorm(name: String, shardImages: Int) throws {
    try expectParity(name, shardImages) { try TestedLayerNorm($0, &$1) }
  }

  @Test(arguments: Fixture.names("layer-attention-"), shardSizes)
  func attention(name: String, shardImages: Int) throws {
    try expectParity(name, shardImages) { try TestedAttention($0, &$1) }
  }

  @Test(arguments: Fixture.names("layer-patch-embedding-"), shardSizes)
  func patchEmbedding(name: String, shardImages: Int) throws {
    try expectParity(name, shardImages, without: ["dx"]) { try TestedPatchEmbedding($0, &$1) }
  }

  @Test(arguments: Fixture.names("layer-mlp-block-"), shardSizes)
  func mlpBlock(name: String, shardImages: Int) throws {
    try expectParity(name, shardImages) { try TestedMLPBlock($0, &$1) }
  }

  @Test(arguments: Fixture.names("layer-vit-block-"), shardSizes)
  func transformerBlock(name: String, shardImages: Int) throws {
    try expectParity(name, shardImages) { fixture, builder in
      // The block's epsilon is the ViT's own.
      #expect(Float(try fixture.number("eps")) == ViT.epsilon)
      return try TestedTransformerBlock(fixture, &builder)
    }
  }

  /// Compares the output and every gradient that the fixture has, but for `absent`.
  private func expectParity(
    _ name: String, _ shardImages: Int, without absent: Set<String> = [],
    _ makeLayer: (Fixture, inout NetworkBuilder) throws -> any TestedLayer
  ) throws {
    let fixture = try Fixture(name)
    let bench = try LayerBench(fixture, shardImages: shardImages) { try makeLayer(fixture, &$0) }
    try expectLayer(try bench.run(), fixture, without: absent)
  }
}

/// Compares a layer's results with all that its fixture has of `y` and gradients, but for `absent`.
func expectLayer(_ results: [String: [Float]], _ fixture: Fixture, without absent: Set<String> = []) throws {
  let gradients = fixture.tensorNames.filter {
    $0.hasPrefix("d") && $0 != "dy" && fixture.has(String($0.dropFirst()))
  }
  #expect(gradients.isSuperset(of: absent) && gradients.contains("dx"), "\(fixture.name)")
  for tensor in (gradients.subtracting(absent).union(["y"])).sorted() {
    let actual = try #require(results[tensor], "\(fixture.name): the layer gives no \(tensor)")
    expectClose(
      actual, try fixture.values(tensor), within: LayerTests.tolerance,
      of: try fixture.measure(ofGradient: tensor),
      "\(fixture.name), \(tensor)")
  }
}
