import TensorCore

/// A network with values: latent parameters, and their weights as products read them.
///
/// One thread drives a model; the loops inside share its work with the team.
package final class Model {
  package let specification: NetworkSpecification
  package let network: any Network
  package let shardPlan: ShardPlan
  package let parameters: ParameterValues
  let panels: WeightPanels
  let team: Team
  let workspaces: [Workspace]
  /// Parts of the parameters that are updated as one task.
  let chunks: [ParameterChunk]
  let chunkSizes: TaskSizes
  /// Of chunks.
  let sums: PerTask<WeightSums>
  /// Of whole layers, by `Linear.index`.
  private var totals: [WeightSums]

  /// - Parameter batchSize: of training; it fixes how images are sharded.
  package convenience init(
    _ specification: NetworkSpecification, batchSize: Int, team: Team
  ) throws(OutOfMemory) {
    let shardPlan = ShardPlan(specification, batchSize: batchSize)
    let network = specification.network(shardImages: shardPlan.shardImages)
    try self.init(specification, network: network, shardPlan: shardPlan, team: team)
  }

  /// A model of any network: `specification` need not describe it, but for the number of classes.
  init(
    _ specification: NetworkSpecification, network: any Network, shardPlan: ShardPlan, team: Team
  ) throws(OutOfMemory) {
    self.specification = specification
    self.team = team
    self.shardPlan = shardPlan
    self.network = network
    parameters = try ParameterValues(layout: network.layout)
    panels = try WeightPanels(for: network.linears, slots: team.limit)
    workspaces = try (0..<team.limit).map { _ throws(OutOfMemory) in try Workspace(for: network) }
    chunks = ParameterChunk.chunks(of: network)
    chunkSizes = TaskSizes(chunks.map(\.range.count))
    sums = PerTask(count: chunks.count, initial: WeightSums())
    totals = network.linears.map { _ in WeightSums() }
  }

  /// Quantizes and packs the weights; to be called whenever parameters were set from outside.
  package func parametersChanged() {
    team.forEach(chunks.count) { task, _ in
      let chunk = chunks[task]
      if let sum = WeightSums(of: parameters.storage.vector(chunk.range), chunk) { sums[task] = sum }
    }
    packWeights()
  }

  /// Quantizes and packs, once all chunks are summed.
  func packWeights() {
    for index in totals.indices { totals[index] = WeightSums() }
    for (index, chunk) in chunks.enumerated() {
      if let linear = chunk.linear { totals[linear.index] += sums[index] }
    }
    panels.pack(parameters, team: team) { linear in
      let total = totals[linear.index]
      return linear.quantizer?.levels(
        sumOfMagnitudes: total.magnitudes, sum: total.values, count: network.layout[linear.weight].count)
    }
  }

  /// Runs one shard forward with the weights of training; the logits are in its workspace.
  func forward(_ samples: some Samples, _ shard: Range<Int>, slot: Int) -> ForwardPass {
    inference(with: panels).forward(samples, shard, slot: slot)
  }

  /// Loss and correct answers over all samples, without training; nil when `isStopped` said so in between.
  package func evaluate(_ samples: some Samples, isStopped: () -> Bool = { false }) -> ClassificationScore? {
    inference.evaluate(samples, isStopped: isStopped)
  }

  /// The logits of all samples, `[count, classes]`.
  package func logits(_ samples: some Samples) -> FloatStorage { inference.logits(samples) }

  /// Rows of a shard from which on unpacking weights for it takes little beside the product.
  private static let fewestUnpackedRows = 256

  /// The model as it is now, quantized weights packed. It computes in the model's own memory, one of the two at a time.
  ///
  /// Where shards are of few rows, weights are taken from the panels of training: they are what unpacking would give.
  package var inference: Inference {
    if specification.precision == .full { return inference(with: panels) }
    let rows = shardPlan.shardImages * network.rowsPerImage
    return inference(with: rows < Self.fewestUnpackedRows ? panels : packedWeights)
  }

  /// Quantized weights as they are stored.
  package var packedWeights: PackedWeights {
    let linears = network.linears
    let matrices = PerTask<PackedMatrix?>(count: linears.count, initial: nil)
    team.forEach(linears.count) { index, _ in
      guard let levels = panels.levels[index] else { return }
      matrices[index] = PackedMatrix(parameters.matrix(linears[index].weight), levels)
    }
    return PackedWeights((0..<linears.count).map { matrices[$0] }, full: panels)
  }

  func inference(with weights: any ForwardWeights) -> Inference {
    Inference(
      network: network, shardPlan: shardPlan, team: team, parameters: parameters, weights: weights,
      workspaces: workspaces)
  }
}

/// Sums over a weight matrix, or a chunk of one.
struct WeightSums: Sendable {
  private(set) var magnitudes = 0.0
  private(set) var values = 0.0

  init() {}

  /// What the quantizer needs of a chunk; nil where its values are no quantized weights.
  init?(of weights: Vector, _ chunk: ParameterChunk) {
    guard let quantizer = chunk.linear?.quantizer else { return nil }
    magnitudes = weights.sumOfMagnitudes()
    if quantizer.needsSum { values = weights.sum() }
  }

  static func += (total: inout Self, part: Self) {
    total.magnitudes += part.magnitudes
    total.values += part.values
  }
}

/// A part of one tensor that is updated as one task.
struct ParameterChunk: Sendable {
  /// Values in the parameters' storage.
  var range: Range<Int>
  /// The layer whose weight this is part of; nil for biases, norms and embeddings.
  var linear: Linear?

  /// A multiple of the 1,024 values that sums over a tensor take at a time.
  private static let size = 4096

  static func chunks(of network: any Network) -> [ParameterChunk] {
    let linears = Dictionary(uniqueKeysWithValues: network.linears.map { ($0.weight, $0) })
    return network.layout.tensors.enumerated().flatMap { index, tensor in
      stride(from: tensor.range.lowerBound, to: tensor.range.upperBound, by: size).map {
        ParameterChunk(range: $0..<min(tensor.range.upperBound, $0 + size), linear: linears[index])
      }
    }
  }
}

/// Some samples in a fixed order: a batch, or a whole validation set. Read from several threads at once.
package protocol Samples: Sendable {
  var count: Int { get }

  /// Writes the sample's normalized pixels, planar, to `target`.
  func load(_ position: Int, into target: Vector)

  /// The sample's class, from 0.
  func label(_ position: Int) -> Int
}
