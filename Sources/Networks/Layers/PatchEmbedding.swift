import TensorCore

/// Cuts images into square patches and projects each to the width: a strided convolution, always in full precision.
/// In front stands the class token; learned positions are added to all tokens.
struct PatchEmbedding: Sendable {
  private let image: ImageShape
  private let patch: Int
  private let width: Int
  private let projection: Linear
  private let classToken: Int
  private let positions: Int
  /// `[patches, channels * patch * patch]` an image, kept for backward.
  private let patches: ActivationSlot

  init(image: ImageShape, patch: Int, width: Int, _ builder: inout NetworkBuilder) {
    self.image = image
    self.patch = patch
    self.width = width
    let normal = InitialValues.normal(deviation: 0.02)
    let count = image.height / patch * (image.width / patch)
    classToken = builder.tensor("vit.embeddings.cls_token", shape: [1, 1, width], normal)
    positions = builder.tensor(
      "vit.embeddings.position_embeddings", shape: [1, count + 1, width], normal)
    projection = builder.add(
      "vit.embeddings.patch_embeddings.projection", rowsPerImage: count,
      shape: [width, image.channels, patch, patch],
      quantizer: nil, bias: true, hasInputGradient: false, values: (normal, .zeros))
    patches = builder.activation(rowsPerImage: count, columns: image.channels * patch * patch)
  }

  private var patchCount: Int { image.height / patch * (image.width / patch) }
  private var tokens: Int { patchCount + 1 }

  /// - Parameters:
  ///   - pixels: `[images, channels * height * width]`.
  ///   - stream: `[images * tokens, width]`.
  func forward(_ pixels: Matrix, into stream: Matrix, _ pass: ForwardPass) {
    let patches = pass[patches]
    let positions = pass.parameters[positions].matrix(rows: tokens, columns: width)
    for index in 0..<pass.images {
      let own = patches.rows(index * patchCount..<(index + 1) * patchCount)
      unfold(pixels.row(index), into: own)
      let tokens = stream.rows(index * tokens..<(index + 1) * tokens)
      tokens.row(0).copy(from: pass.parameters[classToken])
      projection.forward(.values(own), into: tokens.rows(1..<tokens.rows), pass)
      tokens.add(positions)
    }
  }

  /// The gradients of projection, class token and positions from the stream's.
  func backward(_ dstream: Matrix, _ pass: BackwardPass) {
    let dpositions = pass.gradients[positions].matrix(rows: tokens, columns: width)
    let dtoken = pass.gradients[classToken]
    if !pass.accumulates {
      dpositions.fill(0)
      dtoken.fill(0)
    }
    let patches = pass.forward[patches]
    for index in 0..<pass.images {
      let gradient = dstream.rows(index * tokens..<(index + 1) * tokens)
      dpositions.add(gradient)
      dtoken.add(gradient.row(0))
      var image = pass
      image.accumulates = pass.accumulates || index > 0
      projection.backward(
        gradient.rows(1..<tokens), x: patches.rows(index * patchCount..<(index + 1) * patchCount), into: nil,
        image)
    }
  }

  /// Row `i` becomes patch `i` in reading order: channel, row, column.
  private func unfold(_ pixels: Vector, into patches: Matrix) {
    let across = image.width / patch
    for index in 0..<patches.rows {
      let (top, left) = (index / across * patch, index % across * patch)
      let target = patches.row(index)
      for channel in 0..<image.channels {
        for row in 0..<patch {
          let from = (channel * image.height + top + row) * image.width + left
          let to = (channel * patch + row) * patch
          target[to..<to + patch].copy(from: pixels[from..<from + patch])
        }
      }
    }
  }
}
