import TensorCore

/// The weights of all linear layers as forward products read them.
package protocol ForwardWeights: AnyObject, Sendable {
  /// `y = x W^T + bias`, `W` the layer's.
  ///
  /// - Parameter scratch: a shard's.
  func multiply(_ x: LinearOperand, by linear: Linear, into y: Matrix, bias: Vector?, scratch: Vector)
}

/// The weights of all linear layers as the products of training read them: packed into panels once a step, the levels of quantized ones
/// with their scale beside them.
///
/// Forward multiplies by `W^T [inputs, outputs]`, backward by `W [outputs, inputs]`; each has panels of its own. Where inputs
/// are rounded to int8, those of forward are whole numbers too.
package final class WeightPanels: ForwardWeights, @unchecked Sendable {
  // Sendable invariant: written by `pack`, one band of one layer a task, and read only after all tasks ended.
  private let linears: [Linear]
  private let use: Use
  private let storage: FloatStorage
  private let offsets: [Int]
  private let scratch: [FloatStorage]
  /// The levels of each quantized layer's weights, by `Linear.index`.
  package private(set) var levels: [WeightLevels?]
  /// What `pack` shares out: rows of one layer's weight.
  private let bands: [Band]
  private let bandSizes: TaskSizes

  private struct Band {
    var linear: Linear
    var rows: Range<Int>
  }

  /// What the panels are for.
  package enum Use: Sendable {
    case training
    /// Layers in full precision alone, and nothing for backward: `PackedWeights` has the others.
    case inference
  }

  /// Rows of a band; a multiple of a panel's columns.
  private static let bandRows = 64

  /// - Parameter slots: threads that may pack at once.
  package init(for linears: [Linear], slots: Int, use: Use = .training) throws(OutOfMemory) {
    self.linears = linears
    self.use = use
    var total = 0
    offsets = linears.map { linear in
      defer { total += use.forwardCount(linear) + use.backwardCount(linear) }
      return total
    }
    storage = try FloatStorage(allocating: total)
    let packed = linears.filter { use == .training || $0.quantizer == nil }
    let widest = use == .training ? packed.map(\.inputs).max() ?? 0 : 0
    scratch = try (0..<slots).map { _ throws(OutOfMemory) in
      try FloatStorage(allocating: Self.bandRows * widest)
    }
    levels = linears.map { _ in nil }
    bands = packed.flatMap { linear in
      stride(from: 0, to: linear.outputs, by: Self.bandRows).map {
        Band(linear: linear, rows: $0..<min(linear.outputs, $0 + Self.bandRows))
      }
    }
    bandSizes = TaskSizes(bands.map { $0.rows.count * $0.linear.inputs })
  }

  package func multiply(
    _ x: LinearOperand, by linear: Linear, into y: Matrix, bias: Vector?, scratch: Vector
  ) {
    switch x {
    case .levels(let levels): TensorCore.multiply(levels, integers(linear), into: y, bias: bias)
    case .values(let values):
      TensorCore.multiply(values, forward(linear), into: y, from: bias.map { .bias($0) } ?? .zero)
    }
  }

  /// `W^T` for the forward product.
  func forward(_ linear: Linear) -> Panels {
    Panels(
      packedIn: forwardRoom(linear), depth: linear.inputs, columns: linear.outputs, scale: scale(linear))
  }

  /// The same for int8 inputs.
  func integers(_ linear: Linear) -> IntegerPanels {
    precondition(linear.hasIntegerInput, "WeightPanels: layer \(linear.index) has inputs in full precision")
    return IntegerPanels(
      packedIn: forwardRoom(linear), depth: linear.inputs, columns: linear.outputs, scale: scale(linear))
  }

  /// `W` for the gradient of the input.
  func backward(_ linear: Linear) -> Panels {
    precondition(
      use.backwardCount(linear) > 0, "WeightPanels: layer \(linear.index) has no gradient of its input")
    let start = offsets[linear.index] + use.forwardCount(linear)
    return Panels(
      packedIn: storage.vector(start..<start + use.backwardCount(linear)), depth: linear.outputs,
      columns: linear.inputs, scale: scale(linear))
  }

  private func forwardRoom(_ linear: Linear) -> Vector {
    let start = offsets[linear.index]
    return storage.vector(start..<start + use.forwardCount(linear))
  }

  private func scale(_ linear: Linear) -> Float { levels[linear.index]?.scale ?? 1 }

  /// Quantizes and packs all layers.
  ///
  /// - Parameter levelsOf: a quantized layer's levels.
  package func pack(_ parameters: ParameterValues, team: Team, levelsOf: (Linear) -> WeightLevels?) {
    for linear in linears { levels[linear.index] = levelsOf(linear) }
    team.forEach(bands.count, Packing(panels: self, parameters: parameters))
  }

  private struct Packing: ParallelLoop {
    let panels: WeightPanels
    let parameters: ParameterValues

    func run(_ task: Int, slot: Int) { panels.pack(panels.bands[task], of: parameters, slot: slot) }

    func firstTask(ofSlot slot: Int, threads: Int, count: Int) -> Int {
      panels.bandSizes.firstTask(ofSlot: slot, threads: threads)
    }
  }

  private func pack(_ band: Band, of parameters: ParameterValues, slot: Int) {
    let linear = band.linear
    var rows = parameters.matrix(linear.weight).rows(band.rows)
    if let levels = levels[linear.index] {
      let quantized = scratch[slot].matrix(rows: rows.rows, columns: rows.columns)
      rows.flat.quantize(levels, into: quantized.flat)
      rows = quantized
    }
    if linear.hasIntegerInput {
      integers(linear).packTransposed(rows, atColumn: band.rows.lowerBound)
    } else {
      forward(linear).packTransposed(rows, atColumn: band.rows.lowerBound)
    }
    if use.backwardCount(linear) > 0 { backward(linear).pack(rows, atDepth: band.rows.lowerBound) }
  }
}

extension WeightPanels.Use {
  /// Values that a layer's panels take.
  fileprivate func forwardCount(_ linear: Linear) -> Int {
    if self == .inference, linear.quantizer != nil { return 0 }
    let count =
      linear.hasIntegerInput
      ? IntegerPanels.capacity(depth: linear.inputs, columns: linear.outputs)
      : Panels.capacity(depth: linear.inputs, columns: linear.outputs)
    return Size.roundedUp(count, to: 16)
  }

  fileprivate func backwardCount(_ linear: Linear) -> Int {
    guard self == .training, linear.hasInputGradient else { return 0 }
    return Size.roundedUp(Panels.capacity(depth: linear.outputs, columns: linear.inputs), to: 16)
  }
}

/// The weights of quantized layers as they are stored, and those in full precision in panels: all that a forward pass needs.
package final class PackedWeights: ForwardWeights {
  /// By `Linear.index`; nil for layers in full precision.
  package let matrices: [PackedMatrix?]
  private let full: WeightPanels

  /// - Parameter full: of the layers in full precision.
  package init(_ matrices: [PackedMatrix?], full: WeightPanels) {
    self.matrices = matrices
    self.full = full
  }

  package func multiply(
    _ x: LinearOperand, by linear: Linear, into y: Matrix, bias: Vector?, scratch: Vector
  ) {
    guard let matrix = matrices[linear.index] else {
      return full.multiply(x, by: linear, into: y, bias: bias, scratch: scratch)
    }
    switch x {
    case .levels(let levels): TensorCore.multiply(levels, matrix, into: y, bias: bias, scratch: scratch)
    case .values(let values):
      TensorCore.multiply(
        values, matrix, into: y, from: bias.map { .bias($0) } ?? .zero, scratch: scratch)
    }
  }
}
