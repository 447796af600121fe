import Networks
import TensorCore
import Testing

@Suite struct TrainingStepTests {
  /// A model of the ViT case, and batches for it.
  private func model(_ variant: Variant = Variant(precision: .ternary)) throws -> (Model, TestSamples) {
    let specification = NetworkCase.vit.specification(variant)
    let model = try Model(specification, batchSize: 13, team: Team(pool: ComputePool(cores: 2)))
    model.parameters.initialize(seed: 1)
    model.parametersChanged()
    return (model, TestSamples(count: 13, of: specification, seed: 2))
  }

  /// Each step is the optimizer's kernel applied to the step's gradient, to the bit.
  @Test(arguments: [OptimizerSpecification.Kind.adam, .adamw], [0, 0.1])
  func adamUpdatesEveryParameter(kind: OptimizerSpecification.Kind, decay: Double) throws {
    let (model, batch) = try model()
    let optimizer = OptimizerSpecification(
      kind: kind, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: decay)
    let step = try TrainingStep(model, optimizer: optimizer)
    let storage = model.parameters.storage
    let (expected, first, second) = (copy(storage), FloatStorage(count: storage.count), copy(storage))
    second.all.fill(0)
    for number in 1...4 {
      let rate = 0.01 / Double(number)
      _ = step(batch, rate: rate)
      let kernel = AdamStep(
        step: number, rate: rate, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: decay,
        decoupled: kind == .adamw)
      expected.all.adam(
        kernel, gradient: step.gradient.storage.all, firstMoment: first.all, secondMoment: second.all)
      #expect(storage.all.array == expected.all.array, "step \(number)")
      #expect(step.optimizer.stepCount == number)
    }
    #expect(step.optimizer.moments.map(\.name) == ["first_moment", "second_moment"])
    #expect(step.optimizer.moments[1].values.storage.all.array == second.all.array)
  }

  @Test(arguments: [0, 0.9], [0, 0.1])
  func sgdUpdatesEveryParameter(momentum: Double, decay: Double) throws {
    let (model, batch) = try model()
    let optimizer = OptimizerSpecification(kind: .sgd, weightDecay: decay, momentum: momentum)
    let step = try TrainingStep(model, optimizer: optimizer)
    let storage = model.parameters.storage
    let (expected, buffer) = (copy(storage), FloatStorage(count: storage.count))
    for number in 0..<4 {
      _ = step(batch, rate: 0.05)
      expected.all.sgd(
        rate: 0.05, momentum: Float(momentum), weightDecay: Float(decay), gradient: step.gradient.storage.all,
        buffer: momentum == 0 ? nil : buffer.all, isFirstStep: number == 0)
      #expect(storage.all.array == expected.all.array, "step \(number)")
    }
    #expect(step.optimizer.moments.map(\.name) == (momentum == 0 ? [] : ["momentum"]))
  }

  @Test func weightDecayDefaultsAsTorchDoes() {
    #expect(OptimizerSpecification(kind: .adam).weightDecay == 0)
    #expect(OptimizerSpecification(kind: .adamw).weightDecay == 0.01)
    #expect(OptimizerSpecification(kind: .sgd).weightDecay == 0)
  }

  /// The global norm over all tensors, the scales' part of the gradient included.
  @Test(arguments: [0.01, 0.3, 1000], Variant.all)
  func clippingScalesTheWholeGradient(clip: Double, variant: Variant) throws {
    let (plain, batch) = try model(variant)
    let free = try TrainingStep(plain, optimizer: OptimizerSpecification(kind: .sgd))
    _ = free(batch, rate: 0)
    let gradient = free.gradient.storage.all.array.map(Double.init)
    let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let factor = min(1, clip / (norm + 1e-6))
    let (clipped, _) = try model(variant)
    let step = try TrainingStep(clipped, optimizer: OptimizerSpecification(kind: .sgd), gradientClip: clip)
    _ = step(batch, rate: 0)
    for (actual, expected) in zip(step.gradient.storage.all.array, gradient) {
      let difference = abs(Double(actual) - expected * factor)
      #expect(difference <= 1e-6 * abs(expected * factor))
    }
    #expect((factor == 1) == (clip == 1000))
  }

  @Test(arguments: [Float.nan, .infinity], [0, 12])
  func aLossThatIsNotFiniteUpdatesNothing(value: Float, image: Int) throws {
    let (model, batch) = try model()
    let step = try TrainingStep(model, optimizer: OptimizerSpecification(), gradientClip: 1)
    _ = step(batch, rate: 0.01)
    let (parameters, moments) = (model.parameters.bits, step.optimizer.moments.map(\.values.bits))
    let expected = model.evaluate(batch)
    var images = batch.images
    images[image][5] = value
    let score = step(TestSamples(images: images, labels: batch.labels), rate: 0.01)
    #expect(!score.loss.isFinite)
    #expect(model.parameters.bits == parameters)
    #expect(step.optimizer.moments.map(\.values.bits) == moments)
    #expect(step.optimizer.stepCount == 1)
    #expect(model.evaluate(batch) == expected)
  }

  /// A short batch's gradient is the mean over its own samples: other groups' memory holds an earlier batch.
  @Test(arguments: [1, 6, 7, 12])
  func aShortBatchIsNotMixedWithTheLast(count: Int) throws {
    let (model, batch) = try model(Variant(precision: .full))
    let optimizer = OptimizerSpecification(kind: .sgd)
    let (used, fresh) = (
      try TrainingStep(model, optimizer: optimizer), try TrainingStep(model, optimizer: optimizer)
    )
    _ = used(batch, rate: 0)
    let short = batch[0..<count]
    #expect(used(short, rate: 0) == fresh(short, rate: 0))
    #expect(used.gradient.bits == fresh.gradient.bits)
  }

  @Test func trainingLowersTheLoss() throws {
    for variant in Variant.all {
      let (model, batch) = try model(variant)
      let step = try TrainingStep(model, optimizer: OptimizerSpecification())
      let before = step(batch, rate: 0.003).loss
      for _ in 0..<60 { _ = step(batch, rate: 0.003) }
      let after = model.evaluate(batch)!.loss
      #expect(after < 0.8 * before, "\(variant.testDescription)")
    }
  }

  private func copy(_ storage: FloatStorage) -> FloatStorage {
    let copy = FloatStorage(count: storage.count)
    copy.all.copy(from: storage.all)
    return copy
  }
}
