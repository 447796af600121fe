import TensorCore

/// What the loops over a model's parameters work on: views of the memory, since references that two cores count for every
/// task would go to and fro between their caches. Whoever makes it keeps the storage.
struct ChunkWork {
  let chunks: [ParameterChunk]
  let sizes: TaskSizes
  let parameters: Vector
  /// Of the groups; the first takes the sum.
  let gradients: [Vector]
  /// Of each quantized layer, by `Linear.index`.
  let levels: [WeightLevels?]

  /// The levels of the chunk's layer, where gradients flow through its scale.
  func scaleLevels(_ chunk: ParameterChunk) -> WeightLevels? {
    guard let linear = chunk.linear, linear.quantizer?.scaleHasGradient == true else { return nil }
    return levels[linear.index]
  }

  /// Adds to a chunk's summed gradient what comes through its layer's scale.
  ///
  /// - Parameter terms: `2 / N <G, q - W / s>` by `Linear.index`.
  func addScaleGradient(_ chunk: ParameterChunk, _ terms: [Float]) {
    guard scaleLevels(chunk) != nil else { return }
    gradients[0][chunk.range].addSigns(of: parameters[chunk.range], times: terms[chunk.linear!.index])
  }
}

/// A loop over a model's chunks: in all of them each thread begins with the same ones.
protocol ChunkLoop: ParallelLoop {
  var work: ChunkWork { get }
}

extension ChunkLoop {
  func firstTask(ofSlot slot: Int, threads: Int, count: Int) -> Int {
    work.sizes.firstTask(ofSlot: slot, threads: threads)
  }
}

/// Adds up the groups' gradients, and what the scales' gradients need of them.
struct GradientSum: ChunkLoop {
  let work: ChunkWork
  let groups: Int
  /// `<G, q - W / s>` of each chunk.
  let dots: PerTask<Double>

  func run(_ task: Int, slot: Int) {
    let chunk = work.chunks[task]
    let total = work.gradients[0][chunk.range]
    var group = 1
    while group + 3 <= groups {
      total.add(
        work.gradients[group][chunk.range], work.gradients[group + 1][chunk.range],
        work.gradients[group + 2][chunk.range])
      group += 3
    }
    while group < groups {
      total.add(work.gradients[group][chunk.range])
      group += 1
    }
    if let levels = work.scaleLevels(chunk) {
      dots[task] = work.parameters[chunk.range].scaleGradient(total, levels)
    }
  }
}

/// What remains to be done to each gradient before the update.
struct Clipping {
  /// Whether the scales' terms are already in the gradients.
  var termsAdded: Bool
  var factor: Float?
}

/// Completes each chunk's gradient and sums its squares.
struct SquareSums: ChunkLoop {
  let work: ChunkWork
  let scaleTerms: [Float]
  let squares: PerTask<Double>

  func run(_ task: Int, slot: Int) {
    let chunk = work.chunks[task]
    work.addScaleGradient(chunk, scaleTerms)
    squares[task] = work.gradients[0][chunk.range].sumOfSquares()
  }
}

/// Updates each chunk, and sums what its layer's scale is computed from.
struct Update: ChunkLoop {
  let work: ChunkWork
  let update: OptimizerUpdate
  let clipping: Clipping
  let scaleTerms: [Float]
  let sums: PerTask<WeightSums>

  func run(_ task: Int, slot: Int) {
    let chunk = work.chunks[task]
    let (parameters, gradient) = (work.parameters[chunk.range], work.gradients[0][chunk.range])
    if !clipping.termsAdded { work.addScaleGradient(chunk, scaleTerms) }
    if let factor = clipping.factor { gradient.scale(by: factor) }
    update.apply(chunk.range, parameters: parameters, gradients: gradient)
    if let sum = WeightSums(of: parameters, chunk) { sums[task] = sum }
  }
}
