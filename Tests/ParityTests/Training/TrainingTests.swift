import TensorCore
import Testing

@testable import Networks

/// Whole networks from given weights, on the digits.
struct TrainingTests {
  /// Loss, logits and gradients of the first batch.
  @Test(arguments: NetworkVariant.all)
  func firstStep(variant: NetworkVariant) throws {
    let fixture = try Fixture("train-\(variant.name)")
    let batch = try FixtureSamples(Fixture("digits")).batch(ofStep: 0)
    let step = try variant.step()
    expectClose(
      step.model.logits(batch).array, try fixture.values("logits"),
      within: variant.roundsActivations ? 3e-2 : 1e-5, "\(fixture.name), logits")
    _ = step(batch, rate: variant.learningRate)
    try expectGradients(step, fixture, within: variant.roundsActivations ? 5e-2 : 1e-5)
  }

  /// The losses of 50 steps, each before its update.
  @Test(arguments: NetworkVariant.all)
  func losses(variant: NetworkVariant) throws {
    let fixture = try Fixture("train-\(variant.name)")
    let losses = try Self.losses(try variant.step(), variant, steps: 50)
    try LossTolerance(variant).expect(losses, fixture)
  }

  /// Trains so many steps on the digits.
  static func losses(_ step: TrainingStep, _ variant: NetworkVariant, steps: Int) throws -> [Double] {
    let digits = try FixtureSamples(Fixture("digits"))
    return (0..<steps).map { index in
      let batch = digits.batch(ofStep: index)
      return step(batch, rate: variant.learningRate).loss / Double(batch.count)
    }
  }

  /// One step of the networks that round their activations, on images that stay clear of the rounding's edges.
  ///
  /// Gradients within 5e-5: those of query and key in the ViT's second layer are differences a thousand times smaller than
  /// their terms, and PyTorch's own float32 is 2.5e-5 of their largest element away from its float64.
  @Test(arguments: NetworkVariant.all.filter(\.roundsActivations))
  func clearImages(variant: NetworkVariant) throws {
    let fixture = try Fixture("step-\(variant.name)")
    let samples = try FixtureSamples(fixture)
    let step = try variant.step(batchSize: samples.count)
    expectClose(
      step.model.logits(samples).array, try fixture.values("logits"), within: 1e-5,
      "\(fixture.name), logits")
    let score = step(samples, rate: variant.learningRate)
    expectClose(
      [Float(score.loss / Double(samples.count))], try fixture.values("loss"), within: 1e-5,
      "\(fixture.name), loss")
    try expectGradients(step, fixture, within: variant.architecture == .vit ? 5e-5 : 1e-5)
  }

  /// A clipped step's gradients are the fixture's times `clip / (norm + 1e-6)`, the scales' part included in the norm.
  @Test(arguments: NetworkVariant.all.filter { !$0.roundsActivations })
  func clippedGradients(variant: NetworkVariant) throws {
    let fixture = try Fixture("train-\(variant.name)")
    let step = try variant.step(gradientClip: 0.01)
    let gradients = fixture.tensorNames.filter { $0.hasPrefix("grad.") }
    let squares = try gradients.reduce(0) { sum, name in
      try fixture.values(name).reduce(sum) { $0 + Double($1) * Double($1) }
    }
    _ = step(try FixtureSamples(Fixture("digits")).batch(ofStep: 0), rate: variant.learningRate)
    try expectGradients(step, fixture, within: 1e-5, factor: Float(0.01 / (squares.squareRoot() + 1e-6)))
  }

  /// Compares every gradient with the fixture's times `factor`.
  private func expectGradients(
    _ step: TrainingStep, _ fixture: Fixture, within tolerance: Double, factor: Float = 1
  ) throws {
    let layout = step.model.network.layout
    #expect(
      Set(layout.tensors.map { "grad." + $0.name }) == fixture.tensorNames.filter { $0.hasPrefix("grad.") })
    for (index, tensor) in layout.tensors.enumerated() {
      let expected = try fixture.values("grad." + tensor.name)
      #expect(tensor.shape == (try fixture.shape("grad." + tensor.name)), "\(fixture.name), \(tensor.name)")
      expectClose(
        // Divided rather than the fixture multiplied: the measure is the fixture's.
        step.gradient[index].array.map { $0 / factor }, expected, within: tolerance,
        of: try fixture.measure(ofGradient: "grad." + tensor.name),
        "\(fixture.name), gradient of \(tensor.name)")
    }
  }
}
