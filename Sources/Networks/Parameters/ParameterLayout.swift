import TensorCore

/// How a tensor gets its first values.
package enum InitialValues: Sendable, Hashable {
  case zeros
  case ones
  /// `U(-bound, bound)`.
  case uniform(bound: Float)
  /// normal(0, deviation).
  case normal(deviation: Double)
}

/// One named tensor of a network and its place among all parameters.
package struct ParameterTensor: Sendable, Hashable {
  /// The name it has in weight files.
  package let name: String
  /// PyTorch's shape.
  package let shape: [Int]
  package let initialValues: InitialValues
  /// Its values within the parameters' storage.
  package let range: Range<Int>

  package var count: Int { range.count }
}

/// The names, shapes and places of a network's parameters: one storage holds them all, each on its own cache lines.
///
/// Gradients and optimizer moments are laid out alike.
package struct ParameterLayout: Sendable, Hashable {
  package private(set) var tensors: [ParameterTensor] = []
  /// Values of storage, the gaps between tensors included.
  package private(set) var storageCount = 0

  package init() {}

  /// Parameters of the network, without gaps.
  package var parameterCount: Int { tensors.reduce(0) { Size.sum($0, $1.count) } }

  /// Adds a tensor and returns its index.
  package mutating func add(_ name: String, shape: [Int], _ initialValues: InitialValues) -> Int {
    let count = Size.product(shape)
    let start = storageCount
    tensors.append(
      ParameterTensor(name: name, shape: shape, initialValues: initialValues, range: start..<start + count))
    storageCount = Size.roundedUp(Size.sum(start, count), to: 16)
    return tensors.count - 1
  }

  package subscript(index: Int) -> ParameterTensor { tensors[index] }

  /// The same tensors, of which some have no values here.
  package func leavingOut(_ indices: Set<Int>) -> ParameterLayout {
    var layout = ParameterLayout()
    for (index, tensor) in tensors.enumerated() {
      let start = layout.storageCount
      let count = indices.contains(index) ? 0 : tensor.count
      layout.tensors.append(
        ParameterTensor(
          name: tensor.name, shape: tensor.shape, initialValues: tensor.initialValues,
          range: start..<start + count))
      layout.storageCount = Size.roundedUp(Size.sum(start, count), to: 16)
    }
    return layout
  }
}

/// Values laid out as a `ParameterLayout` says: parameters, gradients, or an optimizer's moments.
package struct ParameterValues: Sendable {
  package let layout: ParameterLayout
  package let storage: FloatStorage

  /// All zero.
  package init(layout: ParameterLayout) throws(OutOfMemory) {
    self.layout = layout
    storage = try FloatStorage(allocating: layout.storageCount)
  }

  /// The tensor as a flat vector.
  package subscript(index: Int) -> Vector { storage.vector(layout[index].range) }

  /// The tensor as a matrix: its first dimension by all others.
  package func matrix(_ index: Int) -> Matrix {
    let tensor = layout[index]
    let rows = tensor.shape[0]
    return self[index].matrix(rows: rows, columns: rows == 0 ? 0 : tensor.count / rows)
  }

  /// Draws every tensor's first values from the stream of its name, so that variants that share a tensor start equal.
  package func initialize(seed: Int) {
    for (index, tensor) in layout.tensors.enumerated() {
      var random = RandomStream(seed: seed, purpose: tensor.name)
      switch tensor.initialValues {
      case .zeros: self[index].fill(0)
      case .ones: self[index].fill(1)
      case .uniform(let bound): random.fillUniform(self[index], bound: bound)
      case .normal(let deviation): random.fillNormal(self[index], deviation: deviation)
      }
    }
  }
}
