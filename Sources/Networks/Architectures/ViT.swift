import TensorCore

/// The vision transformer of Hugging Face's `ViTForImageClassification`: patch embedding, class token, learned positions,
/// pre-norm blocks, a final LayerNorm and a classifier on the class token. LayerNorm epsilon 1e-12, exact GELU, no dropout.
package struct ViTSpecification: Architecture {
  package static let type = "vit"

  package var width: Int
  package var layers: Int
  package var heads: Int
  package var mlpWidth: Int
  /// Side of the square patches, in pixels.
  package var patch: Int

  package init(width: Int, layers: Int, heads: Int, mlpWidth: Int, patch: Int) {
    self.width = width
    self.layers = layers
    self.heads = heads
    self.mlpWidth = mlpWidth
    self.patch = patch
  }

  package func problem(image: ImageShape) -> String? {
    if width % heads != 0 { return "width \(width) is not divisible by heads \(heads)" }
    return [image.width, image.height].first { $0 % patch != 0 }
      .map { "image side \($0) is not divisible by patch \(patch)" }
  }

  /// Of an image: its patches, and the class token.
  func tokens(_ image: ImageShape) -> Int { image.height / patch * (image.width / patch) + 1 }

  package func network(_ builder: inout NetworkBuilder) -> any Network { ViT(self, &builder) }
}

struct ViT: Network {
  static let epsilon: Float = 1e-12

  let parts: NetworkParts
  let input: ActivationSlot
  let logits: ActivationSlot

  private let tokens: Int
  private let embedding: PatchEmbedding
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm
  private let classifierInput: LinearInput
  private let classifier: Linear
  /// The residual stream before each block, and the class tokens after the last.
  private let streams: [ActivationSlot]
  private let classTokens: ActivationSlot
  private let dstream: ActivationSlot
  private let dclassTokens: ActivationSlot
  private let room: GradientRoom

  init(_ vit: ViTSpecification, _ builder: inout NetworkBuilder) {
    let specification = builder.specification
    let image = specification.image
    let tokens = vit.tokens(image)
    self.tokens = tokens
    input = builder.activation(rowsPerImage: 1, columns: image.count)
    embedding = PatchEmbedding(image: image, patch: vit.patch, width: vit.width, &builder)
    // The last block gives the class token alone.
    blocks = (0..<vit.layers).map {
      TransformerBlock(
        $0, vit: vit, tokens: tokens, outputTokens: $0 + 1 < vit.layers ? tokens : 1, &builder)
    }
    norm = LayerNorm("vit.layernorm", width: vit.width, epsilon: Self.epsilon, rowsPerImage: 1, &builder)
    classifier = builder.linear(
      "classifier", rowsPerImage: 1, inputs: vit.width, outputs: specification.classes,
      standard: (.normal(deviation: 0.02), .zeros))
    classifierInput = LinearInput(rowsPerImage: 1, columns: vit.width, &builder)
    streams = (0...vit.layers).map {
      builder.activation(rowsPerImage: $0 == 0 || $0 < vit.layers ? tokens : 1, columns: vit.width)
    }
    classTokens = builder.activation(rowsPerImage: 1, columns: vit.width)
    logits = builder.activation(rowsPerImage: 1, columns: specification.classes)
    dstream = builder.activation(rowsPerImage: tokens, columns: vit.width)
    dclassTokens = builder.activation(rowsPerImage: 1, columns: vit.width)
    room = GradientRoom(vit: vit, tokens: tokens, &builder)
    parts = builder.parts
  }

  /// What the final norm reads, `[images, width]`.
  private func lastClassTokens(_ pass: ForwardPass) -> Matrix {
    let last = pass[streams[blocks.count]]
    return blocks.isEmpty ? last.everyRow(tokens) : last
  }

  func forward(_ pass: ForwardPass) {
    embedding.forward(pass[input], into: pass[streams[0]], pass)
    for (index, block) in blocks.enumerated() {
      block.forward(pass[streams[index]], into: pass[streams[index + 1]], pass)
    }
    norm.forward(lastClassTokens(pass), into: pass[classTokens], pass)
    classifier.forward(classifierInput.forward(pass[classTokens], pass), into: pass[logits], pass)
  }

  func backward(_ pass: BackwardPass) {
    let forward = pass.forward
    let classTokens = forward[classTokens]
    let dclassTokens = forward[dclassTokens]
    classifier.backward(
      forward[logits], x: classifierInput.kept(classTokens, forward), into: dclassTokens, pass)
    classifierInput.backward(dclassTokens, x: classTokens, forward)
    let dstream = forward[dstream]
    dstream.fill(0)
    norm.backward(
      dclassTokens, x: lastClassTokens(forward), addingTo: dstream.everyRow(tokens), pass)
    for (index, block) in blocks.enumerated().reversed() {
      block.backward(dstream, stream: forward[streams[index]], room: room, pass)
    }
    embedding.backward(dstream, pass)
  }
}
