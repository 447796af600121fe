import TensorCore

@testable import Networks

/// A linear layer, quantized or not, behind what prepares its input.
struct TestedLinear: TestedLayer {
  let linear: Linear
  let input: LinearInput

  init(_ fixture: Fixture, _ builder: inout NetworkBuilder) throws {
    let shape = try fixture.shape("weight")
    linear = builder.linear(
      "layer", rowsPerImage: 1, inputs: shape[1], outputs: shape[0], bias: fixture.has("bias"),
      standard: (.zeros, .zeros))
    input = LinearInput(
      rowsPerImage: 1, columns: shape[1], &builder)
  }

  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass) {
    linear.forward(input.forward(x, pass), into: y, pass)
  }

  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix, _ pass: BackwardPass) {
    linear.backward(dy, x: input.kept(x, pass.forward), into: dx, pass)
    input.backward(dx, x: x, pass.forward)
  }
}

struct TestedLayerNorm: TestedLayer {
  let norm: LayerNorm

  init(_ fixture: Fixture, _ builder: inout NetworkBuilder) throws {
    norm = LayerNorm(
      "layer", width: try fixture.shape("x")[1], epsilon: Float(try fixture.number("eps")), rowsPerImage: 1,
      &builder)
  }

  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass) { norm.forward(x, into: y, pass) }

  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix, _ pass: BackwardPass) {
    dx.fill(0)
    norm.backward(dy, x: x, addingTo: dx, pass)
  }
}

/// Query, key and value projections, attention, and the output projection, put together as a block does it.
struct TestedAttention: TestedLayer {
  private let projections: [Linear]
  private let attention: MultiHeadAttention
  private let output: Linear
  private let operands: [ActivationSlot]
  private let context: ActivationSlot
  private let gradients: [ActivationSlot]
  private let dcontext: ActivationSlot

  init(_ fixture: Fixture, _ builder: inout NetworkBuilder) throws {
    let shape = try fixture.shape("x")
    let (tokens, width) = (shape[1], shape[2])
    var linears: [Linear] = []
    for name in ["query", "key", "value", "output"] {
      linears.append(
        builder.linear(name, rowsPerImage: tokens, inputs: width, outputs: width, standard: (.zeros, .zeros)))
    }
    output = linears.removeLast()
    projections = linears
    attention = MultiHeadAttention(
      tokens: tokens, queries: tokens, width: width, heads: Int(try fixture.number("heads")), &builder)
    func matrices() -> [ActivationSlot] {
      (0..<3).map { _ in builder.activation(rowsPerImage: tokens, columns: width) }
    }
    operands = matrices()
    gradients = matrices()
    context = builder.activation(rowsPerImage: tokens, columns: width)
    dcontext = builder.activation(rowsPerImage: tokens, columns: width)
  }

  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass) {
    for (projection, operand) in zip(projections, operands) {
      projection.forward(.values(x), into: pass[operand], pass)
    }
    attention.forward(views(operands, pass), into: pass[context], pass)
    output.forward(.values(pass[context]), into: y, pass)
  }

  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix, _ pass: BackwardPass) {
    let forward = pass.forward
    output.backward(dy, x: forward[context], into: forward[dcontext], pass)
    attention.backward(
      forward[dcontext], views(operands, forward), into: views(gradients, forward), pass)
    for (index, projection) in projections.enumerated() {
      projection.backward(forward[gradients[index]], x: x, into: dx, accumulate: index > 0, pass)
    }
  }

  private func views(_ slots: [ActivationSlot], _ pass: ForwardPass) -> MultiHeadAttention.Operands {
    MultiHeadAttention.Operands(query: pass[slots[0]], key: pass[slots[1]], value: pass[slots[2]])
  }
}

/// The patch embedding, whose input, the pixels, needs no gradient.
struct TestedPatchEmbedding: TestedLayer {
  private let embedding: PatchEmbedding

  init(_ fixture: Fixture, _ builder: inout NetworkBuilder) throws {
    let (x, weight) = (try fixture.shape("x"), try fixture.shape("projection.weight"))
    embedding = PatchEmbedding(
      image: ImageShape(channels: x[1], height: x[2], width: x[3]), patch: Int(try fixture.number("patch")),
      width: weight[0], &builder)
  }

  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass) { embedding.forward(x, into: y, pass) }

  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix, _ pass: BackwardPass) {
    embedding.backward(dy, pass)
  }
}

/// Two linear layers with GELU between them.
struct TestedMLPBlock: TestedLayer {
  private let up: Linear
  private let down: Linear
  private let derivative: ActivationSlot
  private let hidden: ActivationSlot
  private let dhidden: ActivationSlot

  init(_ fixture: Fixture, _ builder: inout NetworkBuilder) throws {
    let shape = try fixture.shape("intermediate.dense.weight")
    let (width, inner) = (shape[1], shape[0])
    let tokens = try fixture.shape("x")[1]
    up = builder.linear(
      "intermediate.dense", rowsPerImage: tokens, inputs: width, outputs: inner, standard: (.zeros, .zeros))
    down = builder.linear(
      "output.dense", rowsPerImage: tokens, inputs: inner, outputs: width, standard: (.zeros, .zeros))
    derivative = builder.activation(rowsPerImage: tokens, columns: inner)
    hidden = builder.activation(rowsPerImage: tokens, columns: inner)
    dhidden = builder.activation(rowsPerImage: tokens, columns: inner)
  }

  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass) {
    up.forward(.values(x), into: pass[derivative], pass)
    pass[derivative].geluKeepingDerivative(into: pass[hidden])
    down.forward(.values(pass[hidden]), into: y, pass)
  }

  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix, _ pass: BackwardPass) {
    let forward = pass.forward
    down.backward(dy, x: forward[hidden], into: forward[dhidden], pass)
    forward[dhidden].multiplyElements(by: forward[derivative])
    up.backward(forward[dhidden], x: x, into: dx, pass)
  }
}

/// A whole pre-norm block, as the ViT uses it.
struct TestedTransformerBlock: TestedLayer {
  private let block: TransformerBlock
  private let room: GradientRoom

  init(_ fixture: Fixture, _ builder: inout NetworkBuilder) throws {
    let (x, inner) = (try fixture.shape("x"), try fixture.shape("intermediate.dense.weight")[0])
    let vit = ViTSpecification(
      width: x[2], layers: 1, heads: Int(try fixture.number("heads")), mlpWidth: inner, patch: 1)
    block = TransformerBlock(0, vit: vit, tokens: x[1], outputTokens: x[1], &builder)
    room = GradientRoom(vit: vit, tokens: x[1], &builder)
  }

  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass) { block.forward(x, into: y, pass) }

  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix, _ pass: BackwardPass) {
    dx.copy(from: dy)
    block.backward(dx, stream: x, room: room, pass)
  }
}
