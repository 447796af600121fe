import Networks
import TensorCore
import Testing

/// The networks of the article's three experiments.
struct Experiment: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var architecture: any Architecture
  /// That of the quantized variants.
  var quantizedArchitecture: any Architecture
  var image: ImageShape
  var classes: Int
  /// Of the full-precision variant.
  var parameters: Int

  func specification(
    _ variant: Variant, initialization: Initialization = .standard
  ) -> NetworkSpecification {
    NetworkSpecification(
      architecture: variant.precision == .full ? architecture : quantizedArchitecture, image: image,
      classes: classes, precision: variant.precision, method: variant.method, initialization: initialization)
  }

  static let mnist = Experiment(
    testDescription: "mnist-ffn",
    architecture: MLPSpecification(hidden: [128, 10, 10], bias: [true, false, true, true]),
    quantizedArchitecture: MLPSpecification(hidden: [128, 10, 10], bias: [true, true, true, true]),
    image: ImageShape(channels: 1, height: 28, width: 28), classes: 10, parameters: 101_980)

  static let fashion = vit(
    "fashion-mnist-vit", layers: 6, ImageShape(channels: 1, height: 28, width: 28), classes: 10,
    parameters: 805_130)

  static let cifar = vit(
    "cifar100-vit", layers: 8, ImageShape(channels: 3, height: 32, width: 32), classes: 100,
    parameters: 1_087_716)

  static let all = [mnist, fashion, cifar]

  private static func vit(
    _ name: String, layers: Int, _ image: ImageShape, classes: Int, parameters: Int
  ) -> Experiment {
    let vit = ViTSpecification(width: 128, layers: layers, heads: 4, mlpWidth: 256, patch: 4)
    return Experiment(
      testDescription: name, architecture: vit, quantizedArchitecture: vit, image: image, classes: classes,
      parameters: parameters)
  }
}
