import Networks

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
        architecture: .mlp(mlp), image: ImageShape(channels: 1, height: 28, width: 28), classes: 10,
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
      architecture: .vit(vit), image: image, classes: classes, precision: precision, method: method)
  }
}
