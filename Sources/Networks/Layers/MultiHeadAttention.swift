import TensorCore

/// Scaled dot-product attention of each image's tokens to themselves, head by head:
/// `context = softmax(Q K^T / sqrt(d)) V`.
///
/// Query, key and value are `width` columns each, of which a head owns `d = width / heads`. The first `queries` tokens
/// ask, all `tokens` answer: behind the last block only the class token is read, and the others need not ask.
struct MultiHeadAttention: Sendable {
  private let tokens: Int
  private let queries: Int
  private let width: Int
  private let heads: Int
  /// Kept for backward: `[heads * queries, paddedTokens]` an image.
  private let probabilities: ActivationSlot

  /// What attention reads, or its gradients: `query` `[images * queries, width]`, `key` and `value`
  /// `[images * tokens, width]`.
  struct Operands {
    var query: Matrix
    var key: Matrix
    var value: Matrix
  }

  init(tokens: Int, queries: Int, width: Int, heads: Int, _ builder: inout NetworkBuilder) {
    self.tokens = tokens
    self.queries = queries
    self.width = width
    self.heads = heads
    probabilities = builder.activation(
      rowsPerImage: Size.product(heads, queries), columns: Panels.wholeVectors(tokens))
    // Scores and context: two products forward, four backward.
    builder.add(
      .init(count: 2 * heads, rows: queries, depth: width / heads, columns: tokens), scratch: scratchCount)
  }

  /// Columns of the scores: those behind the tokens' are zero, and the loops over them whole vectors.
  private var paddedTokens: Int { probabilities.columns }
  private var headWidth: Int { width / heads }
  private var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// Shard scratch: two packed operands and the gradient of one head's probabilities.
  private var scratchCount: Int { Size.sum(packedCount, packedCount, Size.product(queries, paddedTokens)) }

  private var packedCount: Int {
    max(
      Panels.capacity(depth: headWidth, columns: paddedTokens),
      Panels.capacity(depth: max(queries, tokens), columns: headWidth))
  }

  /// One head of one image.
  private struct Head {
    var columns: Range<Int>
    var queries: Range<Int>
    var tokens: Range<Int>
    /// Rows of the kept probabilities.
    var probabilities: Range<Int>

    func query(_ matrix: Matrix) -> Matrix { matrix.rows(queries).columns(columns) }
    func token(_ matrix: Matrix) -> Matrix { matrix.rows(tokens).columns(columns) }
  }

  private func forEachHead(_ images: Int, _ body: (Head) -> Void) {
    for image in 0..<images {
      for head in 0..<heads {
        let first = (image * heads + head) * queries
        body(
          Head(
            columns: head * headWidth..<(head + 1) * headWidth,
            queries: image * queries..<(image + 1) * queries,
            tokens: image * tokens..<(image + 1) * tokens, probabilities: first..<first + queries))
      }
    }
  }

  /// Scores without their padding.
  private func ofTokens(_ scores: Matrix) -> Matrix { scores.columns(0..<tokens) }

  /// - Parameter context: `[images * queries, width]`.
  func forward(_ x: Operands, into context: Matrix, _ pass: ForwardPass) {
    let room = pass.scratch[0..<packedCount]
    let all = pass[probabilities]
    forEachHead(pass.images) { head in
      let probabilities = all.rows(head.probabilities)
      let keys = Panels(packedIn: room, depth: headWidth, columns: paddedTokens)
      keys.packTransposed(head.token(x.key))
      multiply(head.query(x.query), keys, into: probabilities)
      probabilities.softmaxRows(tokens, scale: scale)
      multiply(ofTokens(probabilities), Panels(head.token(x.value), room: room), into: head.query(context))
    }
  }

  /// Fills `dx` from the context's gradient:
  /// `dV = P^T dC`, `dP = dC V^T`, `dS = P (dP - rowsum(P dP)) / sqrt(d)`, `dQ = dS K`, `dK = dS^T Q`.
  func backward(_ dcontext: Matrix, _ x: Operands, into dx: Operands, _ pass: BackwardPass) {
    let room = pass.scratch[0..<packedCount]
    let secondRoom = pass.scratch[packedCount..<2 * packedCount]
    let dscores = pass.scratch[2 * packedCount..<scratchCount].matrix(
      rows: queries, columns: paddedTokens)
    let all = pass.forward[probabilities]
    forEachHead(pass.images) { head in
      let (probabilities, dcontext) = (all.rows(head.probabilities), head.query(dcontext))
      multiply(
        transposed: ofTokens(probabilities), Panels(dcontext, room: room), into: head.token(dx.value))
      let values = Panels(packedIn: secondRoom, depth: headWidth, columns: paddedTokens)
      values.packTransposed(head.token(x.value))
      multiply(dcontext, values, into: dscores)
      dscores.softmaxRowsBackward(probabilities: probabilities, scale: scale)
      multiply(ofTokens(dscores), Panels(head.token(x.key), room: room), into: head.query(dx.query))
      multiply(
        transposed: ofTokens(dscores), Panels(head.query(x.query), room: room), into: head.token(dx.key))
    }
  }
}
