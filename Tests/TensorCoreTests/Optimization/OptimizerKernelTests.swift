import TensorCore
import Testing

/// Ten steps of each optimizer against the textbook in Double: within 1e-6, some sixteen roundings of a
/// parameter of magnitude 1.
@Suite struct OptimizerKernelTests {
  private static let steps = 10
  private static let tolerance = 1e-6

  @Test(arguments: awkwardSizes, [(0, false), (0.1, false), (0.1, true)] as [(Double, Bool)])
  func adamEqualsTheReference(count: Int, decay: (amount: Double, isDecoupled: Bool)) {
    var numbers = TestNumbers(seed: count)
    let (parameters, gradient) = (island(count), island(count))
    let (first, second) = (island(count), island(count))
    parameters.matrix.fill(from: &numbers)
    var expected = parameters.matrix.doubles.map(ReferenceOptimizer.init)
    let rate = 0.01
    for step in 1...Self.steps {
      gradient.matrix.fill(from: &numbers)
      let kernel = AdamStep(
        step: step, rate: rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: decay.amount,
        decoupled: decay.isDecoupled)
      parameters.matrix.row(0).adam(
        kernel, gradient: gradient.matrix.row(0), firstMoment: first.matrix.row(0),
        secondMoment: second.matrix.row(0))
      for (index, value) in gradient.matrix.doubles.enumerated() {
        expected[index].adam(
          value, rate: rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: decay.amount,
          decoupled: decay.isDecoupled)
      }
    }
    let ratio = worstRatio(parameters.matrix.array, expected.map(\.parameter)) { _ in Self.tolerance }
    #expect(ratio <= 1)
    for island in [parameters, gradient, first, second] { #expect(island.isIntact) }
  }

  /// The correction of a late step, where the powers of beta have all but vanished, and a gradient of zero.
  @Test func adamAtTheEdges() {
    let (parameters, gradient, first, second) = (island(3), island(3), island(3), island(3))
    parameters.matrix.row(0).copy(from: [1, -2, 0])
    for step in [1, 1_000_000] {
      let kernel = AdamStep(
        step: step, rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false)
      parameters.matrix.row(0).adam(
        kernel, gradient: gradient.matrix.row(0), firstMoment: first.matrix.row(0),
        secondMoment: second.matrix.row(0))
    }
    #expect(parameters.matrix.array == [1, -2, 0])
    let late = AdamStep(
      step: 1_000_000, rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false)
    #expect(late.stepSize == 0.1 && late.correctionFactor == 1)
  }

  @Test(arguments: awkwardSizes, [(0, 0), (0.9, 0), (0.9, 0.1), (0, 0.1)] as [(Float, Float)])
  func sgdEqualsTheReference(count: Int, setting: (momentum: Float, decay: Float)) {
    var numbers = TestNumbers(seed: count)
    let (parameters, gradient, buffer) = (island(count), island(count), island(count))
    parameters.matrix.fill(from: &numbers)
    // A first step must not read what the buffer held before.
    buffer.matrix.fill(.nan)
    var expected = parameters.matrix.doubles.map(ReferenceOptimizer.init)
    for step in 1...Self.steps {
      gradient.matrix.fill(from: &numbers)
      parameters.matrix.row(0).sgd(
        rate: 0.01, momentum: setting.momentum, weightDecay: setting.decay,
        gradient: gradient.matrix.row(0), buffer: setting.momentum == 0 ? nil : buffer.matrix.row(0),
        isFirstStep: step == 1)
      for (index, value) in gradient.matrix.doubles.enumerated() {
        expected[index].sgd(
          value, rate: 0.01, momentum: Double(setting.momentum), decay: Double(setting.decay))
      }
    }
    let ratio = worstRatio(parameters.matrix.array, expected.map(\.parameter)) { _ in Self.tolerance }
    #expect(ratio <= 1)
    for island in [parameters, gradient, buffer] { #expect(island.isIntact) }
  }

  private func island(_ count: Int) -> Island { Island(rows: 1, columns: count, surroundings: 7) }
}
