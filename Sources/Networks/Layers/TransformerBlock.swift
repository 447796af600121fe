import TensorCore

/// A pre-norm transformer block: `x + Wo attention(LN x)`, then `x + W2 GELU(W1 LN x)`.
struct TransformerBlock: Sendable {
  private let beforeAttention: LayerNorm
  private let attentionInput: LinearInput
  /// Query, key, value.
  private let projections: [Linear]
  private let attention: MultiHeadAttention
  private let outputInput: LinearInput
  private let output: Linear
  private let beforeMLP: LayerNorm
  private let mlpInput: LinearInput
  private let up: Linear
  private let downInput: LinearInput
  private let down: Linear
  private let width: Int
  private let kept: Kept

  /// What backward needs of the forward pass; all `[tokens, ...]` an image.
  private struct Kept: Sendable {
    var normalized: ActivationSlot
    var qkv: ActivationSlot
    var context: ActivationSlot
    var middle: ActivationSlot
    var middleNormalized: ActivationSlot
    /// The hidden layer before GELU, overwritten by GELU's derivative.
    var derivative: ActivationSlot
    var hidden: ActivationSlot
  }

  init(_ index: Int, vit: ViTSpecification, tokens: Int, _ builder: inout NetworkBuilder) {
    let (width, mlpWidth) = (vit.width, vit.mlpWidth)
    self.width = width
    let name = "vit.encoder.layer.\(index)."
    let normal = (weight: InitialValues.normal(deviation: 0.02), bias: InitialValues.zeros)
    func linear(_ part: String, _ inputs: Int, _ outputs: Int) -> Linear {
      builder.linear(name + part, inputs: inputs, outputs: outputs, standard: normal)
    }
    func input(_ columns: Int) -> LinearInput {
      LinearInput(rowsPerImage: tokens, columns: columns, quantization: builder.quantization, &builder.plan)
    }
    func keep(_ columns: Int) -> ActivationSlot { builder.plan.add(rowsPerImage: tokens, columns: columns) }
    beforeAttention = LayerNorm(
      name + "layernorm_before", width: width, epsilon: ViT.epsilon, rowsPerImage: tokens, &builder)
    projections = ["query", "key", "value"].map { linear("attention.attention.\($0)", width, width) }
    output = linear("attention.output.dense", width, width)
    beforeMLP = LayerNorm(
      name + "layernorm_after", width: width, epsilon: ViT.epsilon, rowsPerImage: tokens, &builder)
    up = linear("intermediate.dense", width, mlpWidth)
    down = linear("output.dense", mlpWidth, width)
    attentionInput = input(width)
    outputInput = input(width)
    mlpInput = input(width)
    downInput = input(mlpWidth)
    attention = MultiHeadAttention(tokens: tokens, width: width, heads: vit.heads, &builder.plan)
    kept = Kept(
      normalized: keep(width), qkv: keep(3 * width), context: keep(width), middle: keep(width),
      middleNormalized: keep(width), derivative: keep(mlpWidth), hidden: keep(mlpWidth))
  }

  var scratchCount: Int {
    max(attention.scratchCount, ([output, up, down] + projections).map(\.scratchCount).max() ?? 0)
  }

  /// `stream` and `next` are `[images * tokens, width]`.
  func forward(_ stream: Matrix, into next: Matrix, _ pass: ForwardPass) {
    let (qkv, middle) = (pass[kept.qkv], pass[kept.middle])
    beforeAttention.forward(stream, into: pass[kept.normalized], pass)
    let normalized = attentionInput.forward(pass[kept.normalized], pass)
    for (index, projection) in projections.enumerated() {
      projection.forward(normalized, into: qkv.columns(index * width..<(index + 1) * width), pass)
    }
    attention.forward(qkv, into: pass[kept.context], pass)
    output.forward(outputInput.forward(pass[kept.context], pass), into: middle, pass)
    middle.add(stream)

    beforeMLP.forward(middle, into: pass[kept.middleNormalized], pass)
    up.forward(mlpInput.forward(pass[kept.middleNormalized], pass), into: pass[kept.derivative], pass)
    pass[kept.derivative].geluKeepingDerivative(into: pass[kept.hidden])
    down.forward(downInput.forward(pass[kept.hidden], pass), into: next, pass)
    next.add(middle)
  }

  /// Turns `dstream` from the gradient of the block's output into that of its input, in place.
  ///
  /// - Parameters:
  ///   - stream: the block's input.
  ///   - room: gradients that live within one block, shared by all.
  func backward(_ dstream: Matrix, stream: Matrix, room: GradientRoom, _ pass: BackwardPass) {
    let forward = pass.forward
    let (dhidden, dnormal, dqkv) = (forward[room.hidden], forward[room.normal], forward[room.qkv])
    let hidden = forward[kept.hidden]
    down.backward(dstream, x: downInput.kept(hidden, forward), into: dhidden, pass)
    downInput.backward(dhidden, x: hidden, forward)
    dhidden.multiplyElements(by: forward[kept.derivative])
    let middleNormalized = forward[kept.middleNormalized]
    up.backward(dhidden, x: mlpInput.kept(middleNormalized, forward), into: dnormal, pass)
    mlpInput.backward(dnormal, x: middleNormalized, forward)
    beforeMLP.backward(dnormal, x: forward[kept.middle], addingTo: dstream, pass)

    let context = forward[kept.context]
    output.backward(dstream, x: outputInput.kept(context, forward), into: dnormal, pass)
    outputInput.backward(dnormal, x: context, forward)
    attention.backward(dnormal, qkv: forward[kept.qkv], into: dqkv, pass)
    let normalized = forward[kept.normalized]
    for (index, projection) in projections.enumerated() {
      projection.backward(
        dqkv.columns(index * width..<(index + 1) * width), x: attentionInput.kept(normalized, forward),
        into: dnormal, accumulate: index > 0, pass)
    }
    attentionInput.backward(dnormal, x: normalized, forward)
    beforeAttention.backward(dnormal, x: stream, addingTo: dstream, pass)
  }
}

/// Gradients that backward passes from one part of a block to the next.
struct GradientRoom: Sendable {
  let normal: ActivationSlot
  let qkv: ActivationSlot
  let hidden: ActivationSlot

  init(vit: ViTSpecification, tokens: Int, _ plan: inout ActivationPlan) {
    normal = plan.add(rowsPerImage: tokens, columns: vit.width)
    qkv = plan.add(rowsPerImage: tokens, columns: 3 * vit.width)
    hidden = plan.add(rowsPerImage: tokens, columns: vit.mlpWidth)
  }
}
