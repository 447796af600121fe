import Networks

/// The operations of one image by formulas, where networks count what they were put together of.
struct ReferenceWork {
  private var multiplications: [(Double, isFirst: Bool)] = []

  init(_ specification: NetworkSpecification) {
    let (image, classes) = (specification.image, specification.classes)
    if let mlp = specification.architecture as? MLPSpecification {
      let widths = [image.count] + mlp.hidden + [classes]
      for index in 1..<widths.count { add(widths[index - 1] * widths[index], isFirst: index == 1) }
    }
    guard let vit = specification.architecture as? ViTSpecification else { return }
    let patches = image.height / vit.patch * (image.width / vit.patch)
    let tokens = patches + 1
    add(patches * image.channels * vit.patch * vit.patch * vit.width, isFirst: true)
    for layer in 0..<vit.layers {
      let queries = layer + 1 < vit.layers ? tokens : 1
      // Keys and values; queries and the output; up and down; scores and context.
      add(2 * tokens * vit.width * vit.width)
      add(2 * queries * vit.width * vit.width)
      add(2 * queries * vit.width * vit.mlpWidth)
      add(2 * queries * tokens * vit.width)
    }
    add(vit.width * classes)
  }

  private mutating func add(_ count: Int, isFirst: Bool = false) {
    multiplications.append((Double(count), isFirst))
  }

  /// Two products for the gradients, but for a first layer, whose input needs none.
  var training: Double { multiplications.reduce(0) { $0 + 2 * $1.0 * ($1.isFirst ? 2 : 3) } }
  var evaluation: Double { multiplications.reduce(0) { $0 + 2 * $1.0 } }
}
