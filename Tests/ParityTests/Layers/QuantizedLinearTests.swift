import TensorCore
import Testing

@testable import Networks

/// The quantized linear layers of both methods and both widths: what the quantizers give, the output, and gradients that
/// include what flows through the scale.
struct QuantizedLinearTests {
  private static let names = Fixture.names("layer-simple-bitnet-") + Fixture.names("layer-bitnet-")

  @Test(arguments: names, LayerTests.shardSizes)
  func outputAndGradients(name: String, shardImages: Int) throws {
    let fixture = try Fixture(name)
    let bench = try Self.bench(fixture, shardImages: shardImages)
    let layer = try #require(bench.network.layer as? TestedLinear)
    let results = try bench.run { ["xq": layer.input.kept($0[bench.network.input], $0)] }
    try expectLayer(results, fixture)
    if fixture.has("xq") {
      expectClose(
        try #require(results["xq"]), try fixture.values("xq"), within: 1e-6, "\(name), int8 activations")
    }
  }

  @Test(arguments: names)
  func quantizedWeights(name: String) throws {
    let fixture = try Fixture(name)
    let bench = try Self.bench(fixture, shardImages: 1)
    var levels = try #require(bench.model.panels.levels[0], "\(name): the layer is not quantized")
    if fixture.has("q") {
      expectClose([levels.scale], try fixture.values("scale"), within: 1e-6, "\(name), scale")
      expectClose([levels.divisor], try fixture.values("scale"), within: 1e-6, "\(name), divisor")
      levels.scale = 1
    }
    let quantized = bench.quantizedWeights(levels)
    // Levels are whole numbers: one on the wrong side is a mistake, not an inaccuracy.
    let tensor = fixture.has("q") ? "q" : "wq"
    expectClose(
      quantized, try fixture.values(tensor), within: tensor == "q" ? 0 : 1e-6, "\(name), \(tensor)")
  }

  private static func bench(_ fixture: Fixture, shardImages: Int) throws -> LayerBench {
    let bits = Int(try fixture.number("bits"))
    let precision = try #require(WeightPrecision(rawValue: bits), "\(fixture.name): \(bits) bits")
    let method = try #require(
      fixture.metadata["method"].flatMap(QuantizationMethod.init), "\(fixture.name): no method")
    return try LayerBench(fixture, shardImages: shardImages, precision: precision, method: method) {
      try TestedLinear(fixture, &$0)
    }
  }
}
