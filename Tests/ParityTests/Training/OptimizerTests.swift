import TensorCore
import Testing

@testable import Networks

/// Optimizers and clipping, as a training step applies them, against torch.optim and clip_grad_norm_.
struct OptimizerTests {
  /// Ten steps on given gradients. Sizes differ by orders of magnitude, so every value has a tolerance of its own: 1e-6 of
  /// the largest magnitude it has had, whose rounding errors it keeps where it comes near 0.
  @Test(arguments: Fixture.names("optimizer-").filter { !$0.hasPrefix("optimizer-clip") })
  func tenSteps(name: String) throws {
    let fixture = try Fixture(name)
    let step = try Self.step(optimizer: try Self.specification(fixture), tensors: [("values", [37])])
    let parameters = step.model.parameters[0]
    let gradients = try fixture.values("gradients")
    let expected = try fixture.values("values")
    parameters.copy(from: try fixture.values("initial"))
    var magnitudes = parameters.array.map { Double(abs($0)) }
    for index in 0..<10 {
      let row = index * 37..<(index + 1) * 37
      step.gradients[0][0].copy(from: Array(gradients[row]))
      step.descend(groups: 1, rate: try fixture.number("learning_rate"))
      for (column, (value, expected)) in zip(parameters.array, expected[row]).enumerated() {
        magnitudes[column] = max(magnitudes[column], Double(abs(expected)))
        expectClose(
          [value], [expected], within: 1e-6, of: .magnitude(magnitudes[column]),
          "\(name), step \(index + 1), value \(column)")
      }
    }
    #expect(step.optimizer.stepCount == 10)
    withExtendedLifetime(step) {}
  }

  private static func specification(_ fixture: Fixture) throws -> OptimizerSpecification {
    let kind = try #require(
      fixture.metadata["optimizer"].flatMap(OptimizerSpecification.Kind.init), "\(fixture.name): no optimizer"
    )
    let decay = try fixture.number("weight_decay")
    if kind == .sgd {
      return OptimizerSpecification(
        kind: kind, weightDecay: decay, momentum: try fixture.number("momentum"))
    }
    return OptimizerSpecification(
      kind: kind, beta1: try fixture.number("beta1"), beta2: try fixture.number("beta2"),
      epsilon: try fixture.number("epsilon"), weightDecay: decay)
  }

  /// The defaults are torch.optim's.
  @Test(arguments: ["sgd", "adam", "adamw"])
  func defaults(name: String) throws {
    let kind = try #require(OptimizerSpecification.Kind(rawValue: name))
    #expect(OptimizerSpecification(kind: kind) == (try Self.specification(Fixture("optimizer-\(name)"))))
  }

  /// Several tensors share one norm; SGD with rate 1 on zeros leaves the clipped gradients' negatives.
  @Test(arguments: Fixture.names("optimizer-clip"))
  func clipping(name: String) throws {
    let fixture = try Fixture(name)
    let names = ["a", "b", "c"]
    let step = try Self.step(
      optimizer: OptimizerSpecification(kind: .sgd), clip: try fixture.number("max_norm"),
      tensors: try names.map { ($0, try fixture.shape("before.\($0)")) })
    for (index, tensor) in names.enumerated() {
      step.gradients[0][index].copy(from: try fixture.values("before.\(tensor)"))
    }
    step.descend(groups: 1, rate: 1)
    for (index, tensor) in names.enumerated() {
      let clipped = try fixture.values("after.\(tensor)")
      expectClose(step.gradient[index].array, clipped, within: 1e-6, "\(name), \(tensor)")
      expectClose(
        step.model.parameters[index].array, clipped.map { -$0 }, within: 1e-6, "\(name), update of \(tensor)")
    }
  }

  /// A training step over parameters that belong to no layer.
  private static func step(
    optimizer: OptimizerSpecification, clip: Double? = nil, tensors: [(name: String, shape: [Int])]
  ) throws -> TrainingStep {
    let specification = NetworkSpecification(
      architecture: MLPSpecification(hidden: [], bias: [true]),
      image: ImageShape(channels: 1, height: 1, width: 1), classes: 1)
    let network = LayerNetwork(x: [1, 1], y: [1, 1], shardImages: 1, specification) { builder in
      for tensor in tensors { _ = builder.tensor(tensor.name, shape: tensor.shape, .zeros) }
      return NoLayer()
    }
    let model = try Model(
      specification, network: network, shardPlan: ShardPlan(specification, batchSize: 1),
      team: Team(pool: ComputePool(cores: 1)))
    return try TrainingStep(model, optimizer: optimizer, gradientClip: clip)
  }
}

/// Computes nothing.
private struct NoLayer: TestedLayer {
  let scratchCount = 0

  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass) {}

  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix, _ pass: BackwardPass) {}
}
