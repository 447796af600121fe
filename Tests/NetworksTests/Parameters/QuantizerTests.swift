import TensorCore
import Testing

@testable import Networks

/// The scales of both methods, from weights with mean magnitude 1.5 and mean 0.5.
struct QuantizerTests {
  private func levels(
    _ method: QuantizationMethod, _ precision: WeightPrecision, magnitude: Double = 1.5
  ) throws -> WeightLevels {
    let format = try #require(precision.format)
    return Quantizer(method: method, format: format).levels(sumOfMagnitudes: magnitude * 8, sum: 4, count: 8)
  }

  @Test func simpleBitNetDoublesTheMean() throws {
    for (precision, format) in [(WeightPrecision.ternary, WeightFormat.ternary), (.binary, .binary)] {
      let levels = try levels(.simpleBitNet, precision)
      #expect(levels == WeightLevels(format: format, scale: 3.0001, divisor: 3.0001))
      let empty = try self.levels(.simpleBitNet, precision, magnitude: 0)
      #expect(empty.scale == 1e-4)
    }
  }

  @Test func bitNetTakesTheMean() throws {
    #expect(try levels(.bitNet, .ternary) == WeightLevels(format: .ternary, scale: 1.5, divisor: 1.5))
    #expect(try levels(.bitNet, .ternary, magnitude: 1e-6).scale == 1e-5)
  }

  @Test func oneBitBitNetIsCentered() throws {
    let levels = try levels(.bitNet, .binary)
    #expect(levels.format == .binary && levels.scale == 1.5 && levels.shift == 0.5)
    #expect(try self.levels(.bitNet, .binary, magnitude: 1e-6).scale == 1e-6)
  }

  @Test func methodsDiffer() throws {
    let simple = Quantizer(method: .simpleBitNet, format: .binary)
    #expect(simple.scaleHasGradient && !simple.quantizesActivations)
    let paper = Quantizer(method: .bitNet, format: .binary)
    #expect(!paper.scaleHasGradient && paper.quantizesActivations)
    #expect(WeightPrecision.full.format == nil)
  }

  /// Sums that 32 bits do not hold are taken in float32.
  @Test func deepLayersMultiplyInFloat32() {
    func isInteger(_ method: QuantizationMethod, inputs: Int) -> Bool {
      let specification = NetworkSpecification(
        architecture: MLPSpecification(hidden: [inputs], bias: [true, true]),
        image: ImageShape(channels: 1, height: 1, width: 1), classes: 2, precision: .ternary, method: method)
      return specification.network(shardImages: 1).linears[1].hasIntegerInput
    }
    #expect(isInteger(.bitNet, inputs: (1 << 24) - 1) && !isInteger(.bitNet, inputs: 1 << 24))
    #expect(!isInteger(.simpleBitNet, inputs: 8))
  }

  /// Each row begins on a byte of its own; the scale takes four.
  @Test(arguments: [(0, 4, 4), (1, 7, 7), (4, 7, 7), (5, 10, 7), (8, 10, 7), (9, 13, 10)])
  func packedBytes(inputs: Int, ternary: Int, binary: Int) {
    #expect(Quantizer(method: .bitNet, format: .ternary).packedBytes(outputs: 3, inputs: inputs) == ternary)
    #expect(Quantizer(method: .bitNet, format: .binary).packedBytes(outputs: 3, inputs: inputs) == binary)
  }
}
