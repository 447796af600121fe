import Networks
import TensorCore
import Testing

/// The fast path against the plain formulas, and the plain formulas against the function itself.
@Suite struct GradientTests {
  /// Of the largest element of each tensor.
  private static let tolerance = 1e-5
  /// A tensor all of whose gradients cancel, such as the keys' bias, is measured by this fraction of the largest
  /// gradient of all.
  private static let floor = 1e-2

  @Test(arguments: NetworkCase.all, Variant.all)
  func fastPathEqualsTheReference(network: NetworkCase, variant: Variant) throws {
    let example = try Example(network, variant)
    let (model, batch, reference) = (example.model, example.batch, example.reference)
    let logits = reference.forward(batch.table)
    let actual = model.logits(batch)
    #expect(difference(actual.all.array, logits.values, scale: logits.largest) <= Self.tolerance)

    reference.differentiate(batch.table, batch.labels)
    // A step of rate 0 leaves the whole gradient and moves nothing.
    let step = try TrainingStep(model, optimizer: OptimizerSpecification(kind: .sgd))
    let score = step(batch, rate: 0)
    let loss = reference.loss(batch.table, batch.labels) * Double(batch.count)
    #expect(abs(score.loss - loss) <= Self.tolerance * loss)

    let largest = reference.gradients.values.map(\.largest).max()!
    for (index, tensor) in model.parameters.layout.tensors.enumerated() {
      let expected = try #require(reference.gradients[tensor.name])
      let scale = max(expected.largest, Self.floor * largest)
      let worst = difference(step.gradient[index].array, expected.values, scale: scale)
      #expect(worst <= Self.tolerance, "\(tensor.name)")
    }
  }

  /// Central differences in Double, every parameter moved by itself, with what rounding adds held fixed.
  @Test(arguments: NetworkCase.small, Variant.all)
  func referenceEqualsCentralDifferences(network: NetworkCase, variant: Variant) throws {
    let example = try Example(network, variant, count: 2)
    let reference = example.reference
    let (images, labels) = (example.batch.table, example.batch.labels)
    reference.differentiate(images, labels)
    reference.residues.fix()
    let gradients = reference.gradients
    #expect(Set(gradients.keys) == Set(reference.parameters.keys))
    let largest = gradients.values.map(\.largest).max()!
    let move = 1e-6
    for (name, gradient) in gradients {
      var worst = 0.0
      for index in gradient.values.indices {
        let value = reference.parameters[name]!.values[index]
        reference.parameters[name]!.values[index] = value + move
        let above = reference.loss(images, labels)
        reference.parameters[name]!.values[index] = value - move
        let below = reference.loss(images, labels)
        reference.parameters[name]!.values[index] = value
        worst = max(worst, abs((above - below) / (2 * move) - gradient.values[index]))
      }
      #expect(worst <= 1e-6 * max(gradient.largest, Self.floor * largest), "\(name)")
    }
  }

  /// A group's later shards add to what the first one left, whatever was there before it.
  @Test(arguments: [NetworkCase.mlp, .block], Variant.all)
  func shardsOfAGroupAddUp(network: NetworkCase, variant: Variant) throws {
    let example = try Example(network, variant, count: 8)
    let specification = example.specification
    let shared = specification.network(shardImages: 8)
    let (parameters, panels) = (example.model.parameters, try WeightPanels(for: shared.linears, slots: 2))
    panels.pack(parameters, team: Team(pool: ComputePool(cores: 2))) { linear in
      let weight = parameters[linear.weight]
      return linear.quantizer?.levels(
        sumOfMagnitudes: weight.sumOfMagnitudes(), sum: weight.sum(), count: weight.count)
    }

    func gradients(_ shards: [Range<Int>]) throws -> ParameterValues {
      let gradients = try ParameterValues(layout: shared.layout)
      gradients.storage.all.fill(.nan)
      let workspace = try Workspace(for: shared)
      for shard in shards {
        let pass = ForwardPass(
          images: shard.count, parameters: parameters, weights: panels, workspace: workspace)
        for (row, position) in shard.enumerated() {
          example.batch.load(position, into: pass[shared.input].row(row))
        }
        shared.forward(pass)
        _ = pass[shared.logits].crossEntropy(gradientScale: 0.125) {
          example.batch.label(shard.lowerBound + $0)
        }
        shared.backward(
          BackwardPass(pass, panels: panels, gradients: gradients, accumulates: shard.lowerBound > 0))
      }
      return gradients
    }
    let (whole, parts) = (try gradients([0..<8]), try gradients([0..<3, 3..<7, 7..<8]))
    let largest = whole.tables.values.map(\.largest).max()!
    for (index, tensor) in shared.layout.tensors.enumerated() {
      let worst = difference(parts[index].array, whole[index].array.map(Double.init), scale: largest)
      #expect(worst <= Self.tolerance, "\(tensor.name)")
    }
  }

  /// The largest error as a fraction of `scale`; what is not a number counts as infinite.
  private func difference(_ actual: [Float], _ expected: [Double], scale: Double) -> Double {
    precondition(actual.count == expected.count)
    return zip(actual, expected).reduce(0) { worst, pair in
      let error = abs(Double(pair.0) - pair.1) / scale
      return max(worst, error.isNaN ? .infinity : error)
    }
  }
}
