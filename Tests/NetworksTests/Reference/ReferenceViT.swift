import Networks
import TensorCore

/// The vision transformer: patches, class token, positions, blocks, norm, classifier on the class token.
final class ReferenceViT: ReferenceNetwork {
  private var patches = Table(rows: 0, columns: 0)
  private var blocks: [ReferenceBlock] = []
  private var stream = Table(rows: 0, columns: 0)
  private var classTokens = Table(rows: 0, columns: 0)
  private var classifierInput = Table(rows: 0, columns: 0)

  private static let embeddings = "vit.embeddings."
  private static let projection = embeddings + "patch_embeddings.projection"

  private var vit: ViTSpecification {
    guard let vit = specification.architecture as? ViTSpecification else { fatalError("not a ViT") }
    return vit
  }
  private var image: ImageShape { specification.image }
  private var tokens: Int { image.height / vit.patch * (image.width / vit.patch) + 1 }

  override func forward(_ images: Table) -> Table {
    patches = unfolded(images)
    stream = embedded(images.rows)
    blocks = []
    for layer in 0..<vit.layers {
      blocks.append(
        ReferenceBlock(stream, name: "vit.encoder.layer.\(layer)", vit: vit, tokens: tokens, self))
      stream = blocks[layer].output
    }
    classTokens = layerNorm(firstTokens(stream), "vit.layernorm")
    classifierInput = linearInput(classTokens, "classifier")
    return linear(classifierInput, "classifier")
  }

  override func backward(_ dlogits: Table) {
    let dinput = linearBackward(dlogits, x: classifierInput, "classifier")
    let dtokens = layerNormBackward(
      linearInputBackward(dinput, x: classTokens), x: firstTokens(stream), "vit.layernorm")
    var dstream = Table(rows: stream.rows, columns: stream.columns)
    for index in 0..<dtokens.rows {
      dstream.add(dtokens.rows(index..<index + 1), row: index * tokens, column: 0)
    }
    for block in blocks.reversed() { dstream = block.backward(dstream, self) }
    embeddingBackward(dstream)
  }

  private func firstTokens(_ stream: Table) -> Table {
    let count = stream.rows / tokens
    return Table(rows: count, columns: stream.columns, (0..<count).flatMap { stream.row($0 * tokens) })
  }

  /// Each patch a row: channel, row, column.
  private func unfolded(_ images: Table) -> Table {
    let (side, across) = (vit.patch, image.width / vit.patch)
    var result: [Double] = []
    for index in 0..<images.rows {
      for patch in 0..<tokens - 1 {
        for channel in 0..<image.channels {
          for y in 0..<side {
            for x in 0..<side {
              let (row, column) = (patch / across * side + y, patch % across * side + x)
              result.append(images[index, (channel * image.height + row) * image.width + column])
            }
          }
        }
      }
    }
    return Table(rows: images.rows * (tokens - 1), columns: image.channels * side * side, result)
  }

  private func embedded(_ count: Int) -> Table {
    let (weight, bias) = (parameters[Self.projection + ".weight"]!, parameters[Self.projection + ".bias"]!)
    let projected = product(patches, weight.transposed).mapRows { zip($0, bias.values).map { $0 + $1 } }
    var stream = Table(rows: count * tokens, columns: vit.width)
    for index in 0..<count {
      let own = projected.rows(index * (tokens - 1)..<(index + 1) * (tokens - 1))
      stream.add(parameters[Self.embeddings + "cls_token"]!, row: index * tokens, column: 0)
      stream.add(own, row: index * tokens + 1, column: 0)
      stream.add(parameters[Self.embeddings + "position_embeddings"]!, row: index * tokens, column: 0)
    }
    return stream
  }

  private func embeddingBackward(_ dstream: Table) {
    var positions = Table(rows: tokens, columns: vit.width)
    var projected: [Double] = []
    for index in 0..<dstream.rows / tokens {
      let own = dstream.rows(index * tokens..<(index + 1) * tokens)
      positions.add(own, row: 0, column: 0)
      projected += own.rows(1..<tokens).values
    }
    let dprojected = Table(rows: patches.rows, columns: vit.width, projected)
    gradients[Self.embeddings + "position_embeddings"] = positions
    gradients[Self.embeddings + "cls_token"] = positions.rows(0..<1)
    gradients[Self.projection + ".weight"] = product(dprojected.transposed, patches)
    gradients[Self.projection + ".bias"] = dprojected.columnSums
  }
}
