import TensorCore

/// A network: named parameters, and the forward and backward pass of a shard of images.
///
/// The structure is immutable and holds no values; the same network serves any number of runs and threads at once, each
/// pass with a workspace of its own.
package protocol Network: Sendable {
  /// What it was put together of.
  var parts: NetworkParts { get }
  /// `[images, channels * height * width]`, to be filled before `forward`.
  var input: ActivationSlot { get }
  /// `[images, classes]`; holds its own gradient before `backward`.
  var logits: ActivationSlot { get }

  func forward(_ pass: ForwardPass)

  /// Leaves the gradients of all parameters, for the images that `forward` has just seen.
  func backward(_ pass: BackwardPass)
}

/// What a network consists of: its tensors, linear layers, matrix products and activations.
package struct NetworkParts: Sendable {
  package fileprivate(set) var layout = ParameterLayout()
  /// Every linear layer, the patch embedding included, in `Linear.index`'s order.
  package fileprivate(set) var linears: [Linear] = []
  /// Of one image's forward pass.
  fileprivate var products: [Product] = []
  package var plan: ActivationPlan
  /// Values of scratch that a pass needs.
  package fileprivate(set) var scratchCount = 0

  /// Some equal matrix products of one image's forward pass.
  struct Product: Sendable {
    var count = 1
    var rows: Int
    var depth: Int
    var columns: Int
    /// As many products of the same size for the gradients.
    var gradients = 2

    var multiplications: Double { Double(count) * Double(rows) * Double(depth) * Double(columns) }
  }
}

/// Collects a network's parts while it is put together.
package struct NetworkBuilder {
  let specification: NetworkSpecification
  let quantizer: Quantizer?
  var parts: NetworkParts

  init(_ specification: NetworkSpecification, shardImages: Int) {
    self.specification = specification
    quantizer = specification.precision.format.map { Quantizer(method: specification.method, format: $0) }
    parts = NetworkParts(plan: ActivationPlan(images: shardImages))
  }

  /// The index of a new tensor.
  mutating func tensor(_ name: String, shape: [Int], _ initialValues: InitialValues) -> Int {
    parts.layout.add(name, shape: shape, initialValues)
  }

  /// Room for an activation.
  mutating func activation(rowsPerImage: Int, columns: Int) -> ActivationSlot {
    parts.plan.add(rowsPerImage: rowsPerImage, columns: columns)
  }

  /// Tells of matrix products, and of the scratch that they or others need.
  mutating func add(_ product: NetworkParts.Product? = nil, scratch: Int = 0) {
    if let product { parts.products.append(product) }
    parts.scratchCount = max(parts.scratchCount, scratch)
  }

  /// Takes up a layer; `index` is its place among all.
  mutating func add(_ linear: (_ index: Int) -> Linear, rowsPerImage: Int) -> Linear {
    let linear = linear(parts.linears.count)
    parts.linears.append(linear)
    add(
      .init(
        rows: rowsPerImage, depth: linear.inputs, columns: linear.outputs,
        gradients: linear.hasInputGradient ? 2 : 1),
      scratch: linear.scratchCount)
    return linear
  }
}

extension Network {
  package var layout: ParameterLayout { parts.layout }
  package var linears: [Linear] { parts.linears }
  package var plan: ActivationPlan { parts.plan }
  package var scratchCount: Int { parts.scratchCount }

  /// Rows that one image has in the widest products: its tokens.
  package var rowsPerImage: Int { parts.products.map(\.rows).max() ?? 1 }

  /// Floating-point operations of one image's training step in matrix products, a multiplication and an addition each:
  /// forward, the weights' gradients, and the inputs' where they are needed. What is executed: the ViT's last block works
  /// on the class token, but for keys and values.
  package var trainingWork: Double {
    parts.products.reduce(0) { $0 + 2 * $1.multiplications * Double(1 + $1.gradients) }
  }

  /// The same of an evaluation.
  package var evaluationWork: Double { parts.products.reduce(0) { $0 + 2 * $1.multiplications } }

  /// Bytes of the weights as they are stored: quantized matrices packed row by row with their scales, all else float32.
  package var weightBytes: Int {
    let all = layout.parameterCount * MemoryLayout<Float>.stride
    return linears.reduce(all) { bytes, linear in
      guard let quantizer = linear.quantizer else { return bytes }
      return bytes - layout[linear.weight].count * MemoryLayout<Float>.stride
        + quantizer.packedBytes(outputs: linear.outputs, inputs: linear.inputs)
    }
  }
}
