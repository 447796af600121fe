import TensorCore

/// The vision transformer of Hugging Face's `ViTForImageClassification`: patch embedding, class token, learned positions,
/// pre-norm blocks, a final LayerNorm and a classifier on the class token. LayerNorm epsilon 1e-12, exact GELU, no dropout.
package struct ViT: Network {
  static let epsilon: Float = 1e-12

  package let layout: ParameterLayout
  package let linears: [Linear]
  package let plan: ActivationPlan
  package let input: ActivationSlot
  package let logits: ActivationSlot
  package let scratchCount: Int

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

  init(_ vit: ViTSpecification, _ builder: NetworkBuilder) {
    var builder = builder
    let specification = builder.specification
    let image = specification.image
    let tokens = image.height / vit.patch * (image.width / vit.patch) + 1
    self.tokens = tokens
    input = builder.plan.add(rowsPerImage: 1, columns: image.count)
    embedding = PatchEmbedding(image: image, patch: vit.patch, width: vit.width, &builder)
    // The last block gives the class token alone.
    blocks = (0..<vit.layers).map {
      TransformerBlock(
        $0, vit: vit, tokens: tokens, outputTokens: $0 + 1 < vit.layers ? tokens : 1, &builder)
    }
    norm = LayerNorm("vit.layernorm", width: vit.width, epsilon: Self.epsilon, rowsPerImage: 1, &builder)
    classifier = builder.linear(
      "classifier", inputs: vit.width, outputs: specification.classes,
      standard: (.normal(deviation: 0.02), .zeros))
    classifierInput = LinearInput(
      rowsPerImage: 1, columns: vit.width, quantization: builder.quantization, &builder.plan)
    streams = (0...vit.layers).map {
      builder.plan.add(rowsPerImage: $0 == 0 || $0 < vit.layers ? tokens : 1, columns: vit.width)
    }
    classTokens = builder.plan.add(rowsPerImage: 1, columns: vit.width)
    logits = builder.plan.add(rowsPerImage: 1, columns: specification.classes)
    dstream = builder.plan.add(rowsPerImage: tokens, columns: vit.width)
    dclassTokens = builder.plan.add(rowsPerImage: 1, columns: vit.width)
    room = GradientRoom(vit: vit, tokens: tokens, &builder.plan)
    scratchCount = max(
      embedding.scratchCount, classifier.scratchCount, blocks.map(\.scratchCount).max() ?? 0)
    layout = builder.layout
    linears = builder.linears
    plan = builder.plan
  }

  /// What the final norm reads, `[images, width]`.
  private func lastClassTokens(_ pass: ForwardPass) -> Matrix {
    let last = pass[streams[blocks.count]]
    return blocks.isEmpty ? last.everyRow(tokens) : last
  }

  package func forward(_ pass: ForwardPass) {
    embedding.forward(pass[input], into: pass[streams[0]], pass)
    for (index, block) in blocks.enumerated() {
      block.forward(pass[streams[index]], into: pass[streams[index + 1]], pass)
    }
    norm.forward(lastClassTokens(pass), into: pass[classTokens], pass)
    classifier.forward(classifierInput.forward(pass[classTokens], pass), into: pass[logits], pass)
  }

  package func backward(_ pass: BackwardPass) {
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
