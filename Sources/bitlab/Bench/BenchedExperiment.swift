import Foundation
import Networks
import TensorCore

/// The article's three experiments, as far as their arithmetic goes.
enum BenchedExperiment: String, CaseIterable {
  case mnistFFN = "mnist-ffn"
  case fashionMNISTViT = "fashion-mnist-vit"
  case cifar100ViT = "cifar100-vit"

  func specification(_ precision: WeightPrecision, _ method: QuantizationMethod) -> NetworkSpecification {
    switch self {
    case .mnistFFN:
      let mlp = MLPSpecification(hidden: [128, 10, 10], bias: [true, precision != .full, true, true])
      return NetworkSpecification(
        architecture: mlp, image: ImageShape(channels: 1, height: 28, width: 28), classes: 10,
        precision: precision, method: method)
    case .fashionMNISTViT:
      return vit(layers: 6, ImageShape(channels: 1, height: 28, width: 28), classes: 10, precision, method)
    case .cifar100ViT:
      return vit(layers: 8, ImageShape(channels: 3, height: 32, width: 32), classes: 100, precision, method)
    }
  }

  private func vit(
    layers: Int, _ image: ImageShape, classes: Int, _ precision: WeightPrecision, _ method: QuantizationMethod
  ) -> NetworkSpecification {
    let vit = ViTSpecification(width: 128, layers: layers, heads: 4, mlpWidth: 256, patch: 4)
    return NetworkSpecification(
      architecture: vit, image: image, classes: classes, precision: precision, method: method)
  }
}

/// Random images of the right shape, made once: only the arithmetic is to be timed.
struct RandomSamples: Samples {
  let count: Int
  private let pixels: FloatStorage
  private let pixelsPerImage: Int
  private let classes: Int

  init(count: Int, _ specification: NetworkSpecification) {
    self.count = count
    pixelsPerImage = specification.image.count
    classes = specification.classes
    pixels = FloatStorage(count: count * pixelsPerImage)
    var random = RandomStream(seed: 0, purpose: "benchmark")
    random.fillNormal(pixels.all, deviation: 1)
  }

  func load(_ position: Int, into target: Vector) {
    target.copy(from: pixels.vector(position * pixelsPerImage..<(position + 1) * pixelsPerImage))
  }

  func label(_ position: Int) -> Int { position * 7 % classes }
}

/// The most memory that the process had resident, as the kernel counts it (proc(5)).
enum PeakMemory {
  /// Begins to count anew; false where the kernel does not let us.
  static func reset() -> Bool {
    (try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))) != nil
  }

  /// Since the last reset, or the start; nil where the kernel does not say.
  static var mebibytes: Double? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
    else { return nil }
    return line.split(separator: " ").compactMap { Double($0) }.first.map { $0 / 1024 }
  }
}
