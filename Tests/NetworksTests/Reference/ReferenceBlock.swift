import Networks

/// One transformer block of the reference: what `forward` computed, for `backward` to use.
struct ReferenceBlock {
  private let name: String
  private let vit: ViTSpecification
  private let tokens: Int
  private let x: Table
  private let normal: Table
  private let attentionInput: Table
  /// Query, key, value.
  private let projections: [Table]
  private let context: Table
  private let contextInput: Table
  private let middle: Table
  private let middleNormal: Table
  private let upInput: Table
  private let up: Table
  private let downInput: Table
  let output: Table

  private static let parts = ["query", "key", "value"]

  init(_ x: Table, name: String, vit: ViTSpecification, tokens: Int, _ network: ReferenceNetwork) {
    (self.x, self.name, self.vit, self.tokens) = (x, name, vit, tokens)
    normal = network.layerNorm(x, name + ".layernorm_before")
    let input = network.linearInput(normal, name + ".attention.attention")
    attentionInput = input
    let projections = Self.parts.map { network.linear(input, name + ".attention.attention.\($0)") }
    self.projections = projections
    var context = Table(rows: x.rows, columns: vit.width)
    Self.forEachHead(x.rows / tokens, vit, tokens) { rows, columns in
      let parts = projections.map { $0.rows(rows).columns(columns) }
      let head = network.attention(query: parts[0], key: parts[1], value: parts[2])
      context.add(head.context, row: rows.lowerBound, column: columns.lowerBound)
    }
    self.context = context
    contextInput = network.linearInput(context, name + ".attention.output.dense")
    middle = network.linear(contextInput, name + ".attention.output.dense") + x
    middleNormal = network.layerNorm(middle, name + ".layernorm_after")
    upInput = network.linearInput(middleNormal, name + ".intermediate.dense")
    up = network.linear(upInput, name + ".intermediate.dense")
    downInput = network.linearInput(up.map(ReferenceNetwork.gelu), name + ".output.dense")
    output = network.linear(downInput, name + ".output.dense") + middle
  }

  /// The gradient of `x` from that of the output.
  func backward(_ dy: Table, _ network: ReferenceNetwork) -> Table {
    let hidden = up.map(ReferenceNetwork.gelu)
    let dinput = network.linearBackward(dy, x: downInput, name + ".output.dense")
    let dhidden = network.linearInputBackward(dinput, x: hidden)
    let dup = combine(dhidden, up) { $0 * ReferenceNetwork.geluDerivative($1) }
    let dupInput = network.linearBackward(dup, x: upInput, name + ".intermediate.dense")
    let dmiddleNormal = network.linearInputBackward(dupInput, x: middleNormal)
    let dmiddle = dy + network.layerNormBackward(dmiddleNormal, x: middle, name + ".layernorm_after")

    let dcontextInput = network.linearBackward(dmiddle, x: contextInput, name + ".attention.output.dense")
    let dcontext = network.linearInputBackward(dcontextInput, x: context)
    var gradients = projections.map { Table(rows: $0.rows, columns: $0.columns) }
    Self.forEachHead(x.rows / tokens, vit, tokens) { rows, columns in
      let parts = projections.map { $0.rows(rows).columns(columns) }
      let head = network.attentionBackward(
        dcontext.rows(rows).columns(columns), query: parts[0], key: parts[1], value: parts[2])
      for (index, gradient) in [head.query, head.key, head.value].enumerated() {
        gradients[index].add(gradient, row: rows.lowerBound, column: columns.lowerBound)
      }
    }
    var dattentionInput = Table(rows: x.rows, columns: x.columns)
    for (part, gradient) in zip(Self.parts, gradients) {
      dattentionInput =
        dattentionInput
        + network.linearBackward(gradient, x: attentionInput, name + ".attention.attention.\(part)")
    }
    let dnormal = network.linearInputBackward(dattentionInput, x: normal)
    return dmiddle + network.layerNormBackward(dnormal, x: x, name + ".layernorm_before")
  }

  private static func forEachHead(
    _ images: Int, _ vit: ViTSpecification, _ tokens: Int, _ body: (Range<Int>, Range<Int>) -> Void
  ) {
    let width = vit.width / vit.heads
    for image in 0..<images {
      for head in 0..<vit.heads {
        body(image * tokens..<(image + 1) * tokens, head * width..<(head + 1) * width)
      }
    }
  }
}
