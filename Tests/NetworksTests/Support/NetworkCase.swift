import Networks
import TensorCore
import Testing

/// A network for tests, named for what it isolates.
struct NetworkCase: Sendable, CustomTestStringConvertible {
  var name: String
  var architecture: any Architecture
  var image: ImageShape
  var classes: Int
  /// Samples of a batch.
  var count: Int

  var testDescription: String { name }

  func specification(_ variant: Variant) -> NetworkSpecification {
    NetworkSpecification(
      architecture: architecture, image: image, classes: classes, precision: variant.precision,
      method: variant.method)
  }

  /// One linear layer alone.
  static let linear = NetworkCase(
    name: "linear", architecture: MLPSpecification(hidden: [], bias: [true]),
    image: ImageShape(channels: 1, height: 3, width: 5), classes: 7, count: 9)

  /// One whose weights are updated in several chunks.
  static let wideLinear = NetworkCase(
    name: "wide linear", architecture: MLPSpecification(hidden: [], bias: [false]),
    image: ImageShape(channels: 1, height: 1, width: 785), classes: 31, count: 5)

  /// Linear layers that pass gradients on, packed in several bands. The last alone has no bias: sums of int8 levels
  /// without one may cancel, and ReLU's kink then lies where float32 and Double differ.
  static let mlp = NetworkCase(
    name: "MLP",
    architecture: MLPSpecification(hidden: [17, 130, 8], bias: [true, true, true, false]),
    image: ImageShape(channels: 1, height: 3, width: 3), classes: 5, count: 33)

  /// Patch embedding, class token, positions, a norm and a classifier.
  static let embedding = NetworkCase(
    name: "patch embedding",
    architecture: ViTSpecification(width: 12, layers: 0, heads: 1, mlpWidth: 1, patch: 2),
    image: ImageShape(channels: 2, height: 4, width: 6), classes: 5, count: 5)

  /// One transformer block, three heads.
  static let block = NetworkCase(
    name: "transformer block",
    architecture: ViTSpecification(width: 12, layers: 1, heads: 3, mlpWidth: 20, patch: 2),
    image: ImageShape(channels: 2, height: 4, width: 6), classes: 5, count: 3)

  /// Attention with as many tokens and columns a head as a panel has columns, and one more.
  static let attention = NetworkCase(
    name: "attention",
    architecture: ViTSpecification(width: 34, layers: 1, heads: 2, mlpWidth: 9, patch: 2),
    image: ImageShape(channels: 1, height: 8, width: 8), classes: 3, count: 2)

  /// A whole transformer, its batch in several groups.
  static let vit = NetworkCase(
    name: "ViT",
    architecture: ViTSpecification(width: 16, layers: 2, heads: 2, mlpWidth: 24, patch: 2),
    image: ImageShape(channels: 1, height: 6, width: 4), classes: 4, count: 13)

  static let all = [linear, wideLinear, mlp, embedding, block, attention, vit]
  /// Small enough to move every parameter by itself.
  static let small = [linear, embedding, block]
}

/// A precision and a method.
struct Variant: Sendable, CustomTestStringConvertible {
  var precision: WeightPrecision
  var method: QuantizationMethod = .simpleBitNet

  var testDescription: String {
    precision == .full ? "full" : "\(precision.rawValue) bits, \(method.rawValue)"
  }

  static let all =
    [Variant(precision: .full)]
    + [.ternary, .binary].flatMap { precision in
      QuantizationMethod.allCases.map { Variant(precision: precision, method: $0) }
    }
}
