import TensorCore

/// A pre-norm transformer block: `x + Wo attention(LN x)`, then `x + W2 GELU(W1 LN x)`.
///
/// It gives the first `outputTokens` tokens of each image; the others are computed as far as these depend on them. Behind
/// the last block only the class token is read, so the rest of its output, and all gradients through it, would be zeros.
struct TransformerBlock: Sendable {
  private let beforeAttention: LayerNorm
  private let attentionInput: LinearInput
  private let query: Linear
  private let key: Linear
  private let value: Linear
  private let attention: MultiHeadAttention
  private let outputInput: LinearInput
  private let output: Linear
  private let beforeMLP: LayerNorm
  private let mlpInput: LinearInput
  private let up: Linear
  private let downInput: LinearInput
  private let down: Linear
  private let width: Int
  private let tokens: Int
  private let outputTokens: Int
  private let kept: Kept

  /// What backward needs of the forward pass; `[tokens, ...]` an image, and from `query` on `[outputTokens, ...]`.
  private struct Kept: Sendable {
    var normalized: ActivationSlot
    /// `[tokens, 2 width]`: side by side.
    var keyValue: ActivationSlot
    var query: ActivationSlot
    var context: ActivationSlot
    var middle: ActivationSlot
    var middleNormalized: ActivationSlot
    /// The hidden layer before GELU, overwritten by GELU's derivative.
    var derivative: ActivationSlot
    var hidden: ActivationSlot
  }

  init(
    _ index: Int, vit: ViTSpecification, tokens: Int, outputTokens: Int, _ builder: inout NetworkBuilder
  ) {
    precondition(
      outputTokens == tokens || outputTokens == 1,
      "TransformerBlock: \(outputTokens) of \(tokens) tokens; all, or the class token alone")
    let (width, mlpWidth) = (vit.width, vit.mlpWidth)
    self.width = width
    self.tokens = tokens
    self.outputTokens = outputTokens
    let name = "vit.encoder.layer.\(index)."
    let normal = (weight: InitialValues.normal(deviation: 0.02), bias: InitialValues.zeros)
    func linear(_ part: String, _ rows: Int, _ inputs: Int, _ outputs: Int) -> Linear {
      builder.linear(name + part, rowsPerImage: rows, inputs: inputs, outputs: outputs, standard: normal)
    }
    func input(_ rows: Int, _ columns: Int) -> LinearInput {
      LinearInput(rowsPerImage: rows, columns: columns, &builder)
    }
    func keep(_ rows: Int, _ columns: Int) -> ActivationSlot {
      builder.activation(rowsPerImage: rows, columns: columns)
    }
    beforeAttention = LayerNorm(
      name + "layernorm_before", width: width, epsilon: ViT.epsilon, rowsPerImage: tokens, &builder)
    query = linear("attention.attention.query", outputTokens, width, width)
    key = linear("attention.attention.key", tokens, width, width)
    value = linear("attention.attention.value", tokens, width, width)
    output = linear("attention.output.dense", outputTokens, width, width)
    beforeMLP = LayerNorm(
      name + "layernorm_after", width: width, epsilon: ViT.epsilon, rowsPerImage: outputTokens, &builder)
    up = linear("intermediate.dense", outputTokens, width, mlpWidth)
    down = linear("output.dense", outputTokens, mlpWidth, width)
    attentionInput = input(tokens, width)
    outputInput = input(outputTokens, width)
    mlpInput = input(outputTokens, width)
    downInput = input(outputTokens, mlpWidth)
    attention = MultiHeadAttention(
      tokens: tokens, queries: outputTokens, width: width, heads: vit.heads, &builder)
    kept = Kept(
      normalized: keep(tokens, width), keyValue: keep(tokens, 2 * width), query: keep(outputTokens, width),
      context: keep(outputTokens, width), middle: keep(outputTokens, width),
      middleNormalized: keep(outputTokens, width), derivative: keep(outputTokens, mlpWidth),
      hidden: keep(outputTokens, mlpWidth))
  }

  /// The rows of a matrix of all tokens that the block gives.
  private func outputRows(_ matrix: Matrix) -> Matrix {
    outputTokens == tokens ? matrix : matrix.everyRow(tokens)
  }

  private func operands(query: Matrix, keyValue: Matrix) -> MultiHeadAttention.Operands {
    MultiHeadAttention.Operands(
      query: query, key: keyValue.columns(0..<width), value: keyValue.columns(width..<2 * width))
  }

  /// - Parameters:
  ///   - stream: `[images * tokens, width]`.
  ///   - next: `[images * outputTokens, width]`.
  func forward(_ stream: Matrix, into next: Matrix, _ pass: ForwardPass) {
    let middle = pass[kept.middle]
    beforeAttention.forward(stream, into: pass[kept.normalized], pass)
    let normalized = attentionInput.forward(pass[kept.normalized], pass)
    let projected = operands(query: pass[kept.query], keyValue: pass[kept.keyValue])
    query.forward(
      outputTokens == tokens ? normalized : normalized.everyRow(tokens), into: projected.query, pass)
    key.forward(normalized, into: projected.key, pass)
    value.forward(normalized, into: projected.value, pass)
    attention.forward(projected, into: pass[kept.context], pass)
    output.forward(outputInput.forward(pass[kept.context], pass), into: middle, pass)
    middle.add(outputRows(stream))

    beforeMLP.forward(middle, into: pass[kept.middleNormalized], pass)
    up.forward(mlpInput.forward(pass[kept.middleNormalized], pass), into: pass[kept.derivative], pass)
    pass[kept.derivative].geluKeepingDerivative(into: pass[kept.hidden])
    down.forward(downInput.forward(pass[kept.hidden], pass), into: next, pass)
    next.add(middle)
  }

  /// Turns `dstream` from the gradient of the block's output into that of its input, in place.
  ///
  /// - Parameters:
  ///   - dstream: `[images * tokens, width]`; rows of tokens that the block does not give are zero at first.
  ///   - stream: the block's input.
  ///   - room: gradients that live within one block, shared by all.
  func backward(_ dstream: Matrix, stream: Matrix, room: GradientRoom, _ pass: BackwardPass) {
    let forward = pass.forward
    let doutput = outputRows(dstream)
    let dhidden = forward[room.hidden.with(rowsPerImage: outputTokens)]
    let doutputNormal = forward[room.normal.with(rowsPerImage: outputTokens)]
    let hidden = forward[kept.hidden]
    down.backward(doutput, x: downInput.kept(hidden, forward), into: dhidden, pass)
    downInput.backward(dhidden, x: hidden, forward)
    dhidden.multiplyElements(by: forward[kept.derivative])
    let middleNormalized = forward[kept.middleNormalized]
    up.backward(dhidden, x: mlpInput.kept(middleNormalized, forward), into: doutputNormal, pass)
    mlpInput.backward(doutputNormal, x: middleNormalized, forward)
    beforeMLP.backward(doutputNormal, x: forward[kept.middle], addingTo: doutput, pass)

    let context = forward[kept.context]
    output.backward(doutput, x: outputInput.kept(context, forward), into: doutputNormal, pass)
    outputInput.backward(doutputNormal, x: context, forward)
    let dprojected = operands(
      query: forward[room.query.with(rowsPerImage: outputTokens)], keyValue: forward[room.keyValue])
    attention.backward(
      doutputNormal, operands(query: forward[kept.query], keyValue: forward[kept.keyValue]), into: dprojected,
      pass)
    let normalized = forward[kept.normalized]
    let x = attentionInput.kept(normalized, forward)
    let dnormal = forward[room.normal]
    key.backward(dprojected.key, x: x, into: dnormal, pass)
    value.backward(dprojected.value, x: x, into: dnormal, accumulate: true, pass)
    query.backward(
      dprojected.query, x: outputRows(x), into: outputRows(dnormal), accumulate: true, pass)
    attentionInput.backward(dnormal, x: normalized, forward)
    beforeAttention.backward(dnormal, x: stream, addingTo: dstream, pass)
  }
}

/// Gradients that backward passes from one part of a block to the next.
struct GradientRoom: Sendable {
  let normal: ActivationSlot
  let query: ActivationSlot
  let keyValue: ActivationSlot
  let hidden: ActivationSlot

  init(vit: ViTSpecification, tokens: Int, _ builder: inout NetworkBuilder) {
    normal = builder.activation(rowsPerImage: tokens, columns: vit.width)
    query = builder.activation(rowsPerImage: tokens, columns: vit.width)
    keyValue = builder.activation(rowsPerImage: tokens, columns: 2 * vit.width)
    hidden = builder.activation(rowsPerImage: tokens, columns: vit.mlpWidth)
  }
}
