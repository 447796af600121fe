import Networks
import TensorCore
import Testing

/// A network with random parameters and a batch, and the same network in Double.
struct Example {
  let specification: NetworkSpecification
  let model: Model
  let batch: TestSamples
  let reference: ReferenceNetwork

  /// The first random numbers for which float32 and Double round and sign everything alike.
  init(_ network: NetworkCase, _ variant: Variant, count: Int? = nil, limit: Int = 2) throws {
    let specification = network.specification(variant)
    for seed in 0..<1000 {
      let example = try Example(specification, count: count ?? network.count, limit: limit, seed: seed)
      _ = example.reference.forward(example.batch.table)
      if example.reference.residues.margin > 1 {
        self = example
        return
      }
    }
    throw NoExample()
  }

  struct NoExample: Error {}

  private init(_ specification: NetworkSpecification, count: Int, limit: Int, seed: Int) throws {
    self.specification = specification
    let team = Team(pool: ComputePool(cores: 4), limit: limit)
    model = try Model(specification, batchSize: count, team: team)
    batch = TestSamples(count: count, of: specification, seed: seed)
    model.parameters.fillForTests(seed: seed)
    model.parametersChanged()
    reference =
      specification.architecture is ViTSpecification
      ? ReferenceViT(specification, model.parameters.tables)
      : ReferenceMLP(specification, model.parameters.tables)
  }
}

extension ParameterValues {
  /// Random values for every tensor, biases and gains too: nothing is zero or one by chance of initialization.
  func fillForTests(seed: Int) {
    var numbers = TestNumbers(seed: seed + 1000)
    for (index, tensor) in layout.tensors.enumerated() {
      let isGain = tensor.name.contains("layernorm") && tensor.name.hasSuffix("weight")
      let values = (0..<tensor.count).map { _ in
        isGain ? 1 + numbers.next(in: -0.3...0.3) : numbers.next(in: -0.4...0.4)
      }
      self[index].copy(from: values)
    }
  }

  /// Every tensor by name, its first dimension by all others; vectors, the class token and the positions as rows of
  /// the width.
  var tables: [String: Table] {
    Dictionary(
      uniqueKeysWithValues: layout.tensors.enumerated().map { index, tensor in
        let isFlat = tensor.shape.count == 1 || tensor.shape.first == 1 && tensor.shape.count == 3
        let columns = isFlat ? tensor.shape.last! : tensor.count / tensor.shape[0]
        return (
          tensor.name,
          Table(rows: tensor.count / columns, columns: columns, self[index].array.map(Double.init))
        )
      })
  }

  /// The bits of every tensor.
  var bits: [[UInt32]] { layout.tensors.indices.map { self[$0].array.map(\.bitPattern) } }
}
