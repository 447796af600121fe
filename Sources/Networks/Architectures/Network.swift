import TensorCore

/// A network: named parameters, and the forward and backward pass of a shard of images.
///
/// The structure is immutable and holds no values; the same network serves any number of runs and threads at once, each
/// pass with a workspace of its own.
package protocol Network: Sendable {
  var layout: ParameterLayout { get }
  /// Every linear layer, the patch embedding included, in `Linear.index`'s order.
  var linears: [Linear] { get }
  var plan: ActivationPlan { get }
  /// `[images, channels * height * width]`, to be filled before `forward`.
  var input: ActivationSlot { get }
  /// `[images, classes]`; holds its own gradient before `backward`.
  var logits: ActivationSlot { get }
  /// Values of scratch that a pass needs.
  var scratchCount: Int { get }

  func forward(_ pass: ForwardPass)

  /// Leaves the gradients of all parameters, for the images that `forward` has just seen.
  func backward(_ pass: BackwardPass)
}

/// Collects a network's tensors, linear layers and activations while it is put together.
package struct NetworkBuilder {
  let specification: NetworkSpecification
  let quantization: WeightQuantization?
  var layout = ParameterLayout()
  var linears: [Linear] = []
  var plan: ActivationPlan

  init(_ specification: NetworkSpecification, shardImages: Int) {
    self.specification = specification
    quantization = WeightQuantization(method: specification.method, precision: specification.precision)
    plan = ActivationPlan(images: shardImages)
  }
}

extension NetworkSpecification {
  /// The network, planned for shards of at most `shardImages` images.
  package func network(shardImages: Int) -> any Network {
    let builder = NetworkBuilder(self, shardImages: shardImages)
    switch architecture {
    case .mlp(let mlp): return MLP(mlp, builder)
    case .vit(let vit): return ViT(vit, builder)
    }
  }
}

extension Network {
  /// Bytes of the weights as they would be stored: quantized matrices packed with their scales, all else float32.
  package var weightBytes: Int {
    let all = layout.parameterCount * MemoryLayout<Float>.stride
    return linears.reduce(all) { bytes, linear in
      guard let quantization = linear.quantization else { return bytes }
      let count = layout[linear.weight].count
      return bytes - count * MemoryLayout<Float>.stride + quantization.packedBytes(count: count)
    }
  }
}
