import TensorCore

/// Scaled dot-product attention of each image's tokens to themselves, head by head:
/// `context = softmax(Q K^T / sqrt(d)) V`.
///
/// Query, key and value come side by side as `[tokens, 3 width]`; a head owns `d = width / heads` columns of each.
struct MultiHeadAttention: Sendable {
  private let tokens: Int
  private let width: Int
  private let heads: Int
  /// Kept for backward: `[heads * tokens, tokens]` an image.
  private let probabilities: ActivationSlot

  init(tokens: Int, width: Int, heads: Int, _ plan: inout ActivationPlan) {
    self.tokens = tokens
    self.width = width
    self.heads = heads
    probabilities = plan.add(rowsPerImage: heads * tokens, columns: tokens)
  }

  private var headWidth: Int { width / heads }
  private var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// Shard scratch: two packed operands and the gradient of one head's probabilities.
  var scratchCount: Int { 2 * packedCount + tokens * tokens }

  private var packedCount: Int {
    max(
      Panels.capacity(depth: headWidth, columns: tokens), Panels.capacity(depth: tokens, columns: headWidth))
  }

  /// One head of one image: views of its query, key and value, and of the same columns of the context.
  private struct Head {
    var query: Matrix
    var key: Matrix
    var value: Matrix
    var context: Matrix
    var probabilities: Matrix
  }

  private func head(_ head: Int, image: Int, qkv: Matrix, context: Matrix, _ pass: ForwardPass) -> Head {
    let rows = image * tokens..<(image + 1) * tokens
    let own = qkv.rows(rows)
    func part(_ index: Int) -> Matrix {
      let first = index * width + head * headWidth
      return own.columns(first..<first + headWidth)
    }
    let first = (image * heads + head) * tokens
    return Head(
      query: part(0), key: part(1), value: part(2),
      context: context.rows(rows).columns(head * headWidth..<(head + 1) * headWidth),
      probabilities: pass[probabilities].rows(first..<first + tokens))
  }

  /// - Parameters:
  ///   - qkv: `[images * tokens, 3 width]`.
  ///   - context: `[images * tokens, width]`.
  func forward(_ qkv: Matrix, into context: Matrix, _ pass: ForwardPass) {
    let room = pass.scratch[0..<packedCount]
    for image in 0..<pass.images {
      for index in 0..<heads {
        let head = head(index, image: image, qkv: qkv, context: context, pass)
        let keys = Panels(packedIn: room, depth: headWidth, columns: tokens)
        keys.packTransposed(head.key)
        multiply(head.query, keys, into: head.probabilities)
        head.probabilities.softmaxRows(scale: scale)
        multiply(head.probabilities, Panels(head.value, room: room), into: head.context)
      }
    }
  }

  /// Fills `dqkv` from the context's gradient:
  /// `dV = P^T dC`, `dP = dC V^T`, `dS = P (dP - rowsum(P dP)) / sqrt(d)`, `dQ = dS K`, `dK = dS^T Q`.
  func backward(_ dcontext: Matrix, qkv: Matrix, into dqkv: Matrix, _ pass: BackwardPass) {
    let room = pass.scratch[0..<packedCount]
    let secondRoom = pass.scratch[packedCount..<2 * packedCount]
    let dscores = pass.scratch[2 * packedCount..<scratchCount].matrix(rows: tokens, columns: tokens)
    for image in 0..<pass.images {
      for index in 0..<heads {
        let head = head(index, image: image, qkv: qkv, context: dcontext, pass.forward)
        let gradient = self.head(index, image: image, qkv: dqkv, context: dcontext, pass.forward)
        multiply(
          transposed: head.probabilities, Panels(gradient.context, room: room), into: gradient.value)
        let values = Panels(packedIn: secondRoom, depth: headWidth, columns: tokens)
        values.packTransposed(head.value)
        multiply(gradient.context, values, into: dscores)
        dscores.softmaxRowsBackward(probabilities: head.probabilities, scale: scale)
        multiply(dscores, Panels(head.key, room: room), into: gradient.query)
        multiply(transposed: dscores, Panels(head.query, room: room), into: gradient.key)
      }
    }
  }
}
