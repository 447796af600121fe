import TensorCore

/// All that a forward pass needs, and nothing else: no latent weights, no panels for backward, no gradients.
package struct Inference {
  package let network: any Network
  package let shardPlan: ShardPlan
  let team: Team
  /// Those of quantized layers' weights may be missing.
  let parameters: ParameterValues
  let weights: any ForwardWeights
  let workspaces: [Workspace]

  /// Rows of a batch that shards are planned for: each has enough of them to be worth the unpacking of weights, and threads
  /// have as many shards as they can share.
  private static let batchRows = 6400

  init(
    network: any Network, shardPlan: ShardPlan, team: Team, parameters: ParameterValues,
    weights: any ForwardWeights, workspaces: [Workspace]
  ) {
    self.network = network
    self.shardPlan = shardPlan
    self.team = team
    self.parameters = parameters
    self.weights = weights
    self.workspaces = workspaces
  }

  /// A model of stored values.
  ///
  /// - Parameters:
  ///   - matrices: of quantized layers, by `Linear.index`.
  ///   - values: a tensor's; not asked for those of quantized layers' weights.
  package init(
    _ specification: NetworkSpecification, matrices: [PackedMatrix?], team: Team,
    values: (ParameterTensor) -> [Float]
  ) throws(OutOfMemory) {
    let rowsPerImage = max(1, specification.network(shardImages: 1).rowsPerImage)
    let shardPlan = ShardPlan(specification, batchSize: max(1, Self.batchRows / rowsPerImage))
    let network = specification.network(shardImages: shardPlan.shardImages)
    let quantized = Set(network.linears.filter { $0.quantizer != nil }.map(\.weight))
    let parameters = try ParameterValues(layout: network.layout.leavingOut(quantized))
    for (index, tensor) in network.layout.tensors.enumerated() where !quantized.contains(index) {
      parameters[index].copy(from: values(tensor))
    }
    let full = try WeightPanels(for: network.linears, slots: team.limit, use: .inference)
    full.pack(parameters, team: team) { _ in nil }
    self.init(
      network: network, shardPlan: shardPlan, team: team, parameters: parameters,
      weights: PackedWeights(matrices, full: full),
      workspaces: try (0..<team.limit).map { _ throws(OutOfMemory) in try Workspace(for: network) })
  }

  /// Runs one shard forward; the logits are in its workspace.
  func forward(_ samples: some Samples, _ shard: Range<Int>, slot: Int) -> ForwardPass {
    let pass = ForwardPass(
      images: shard.count, parameters: parameters, weights: weights, workspace: workspaces[slot])
    let input = pass[network.input]
    for (row, position) in shard.enumerated() { samples.load(position, into: input.row(row)) }
    network.forward(pass)
    return pass
  }

  /// Loss and correct answers over all samples; nil when `isStopped` said so in between.
  package func evaluate(_ samples: some Samples, isStopped: () -> Bool = { false }) -> ClassificationScore? {
    let scores = PerTask(count: shards(of: samples).count, initial: ClassificationScore())
    let isDone = forEachShard(of: samples, isStopped: isStopped) { task, shard, logits in
      scores[task] = logits.crossEntropy(gradientScale: 0) { samples.label(shard.lowerBound + $0) }
    }
    guard isDone else { return nil }
    return (0..<shards(of: samples).count).reduce(into: ClassificationScore()) { $0 += scores[$1] }
  }

  /// The score of all samples, and the class that each was given: the first of its largest logits, nil where they are no
  /// numbers.
  package func classify(_ samples: some Samples) -> (score: ClassificationScore, classes: [Int?]) {
    let count = shards(of: samples).count
    let scores = PerTask(count: count, initial: ClassificationScore())
    let classes = PerTask<[Int?]>(count: count, initial: [])
    _ = forEachShard(of: samples) { task, shard, logits in
      classes[task] = (0..<shard.count).map { logits.row($0).indexOfLargest() }
      scores[task] = logits.crossEntropy(gradientScale: 0) { samples.label(shard.lowerBound + $0) }
    }
    return (
      (0..<count).reduce(into: ClassificationScore()) { $0 += scores[$1] },
      (0..<count).flatMap { classes[$0] }
    )
  }

  /// The logits of all samples, `[count, classes]`.
  package func logits(_ samples: some Samples) -> FloatStorage {
    let first = network.logits.columns
    let result = FloatStorage(count: samples.count * first)
    let all = result.matrix(rows: samples.count, columns: first)
    _ = forEachShard(of: samples) { _, shard, logits in all.rows(shard).copy(from: logits) }
    return result
  }

  private func shards(of samples: some Samples) -> [Range<Int>] {
    Array(shardPlan.shards(of: 0..<samples.count))
  }

  /// Calls `body` with each shard's number, its samples and their logits, on as many threads as there are; false when
  /// `isStopped` said so in between.
  private func forEachShard(
    of samples: some Samples, isStopped: () -> Bool = { false }, _ body: (Int, Range<Int>, Matrix) -> Void
  ) -> Bool {
    let shards = shards(of: samples)
    // In rounds, so that a stop does not wait for a whole validation set.
    let round = 16 * team.limit
    for first in stride(from: 0, to: shards.count, by: round) {
      if isStopped() { return false }
      team.forEach(min(round, shards.count - first)) { task, slot in
        let shard = shards[first + task]
        body(first + task, shard, forward(samples, shard, slot: slot)[network.logits])
      }
    }
    return true
  }
}
