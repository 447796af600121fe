import TensorCore
import Testing

@Suite struct WeightLevelTests {
  private func quantized(_ values: [Float], _ levels: WeightLevels) -> [Float] {
    let (weights, output) = (island(values), Island(rows: 1, columns: values.count, surroundings: 7))
    weights.matrix.row(0).quantize(levels, into: output.matrix.row(0))
    #expect(output.isIntact)
    return output.matrix.array
  }

  @Test func ternaryRoundsHalfToEvenAndClips() {
    let levels = WeightLevels(format: .ternary, scale: 3, divisor: 2)
    let weights: [Float] = [1, -1, 1.000_000_2, -1.000_000_2, 3, -3, 40, -40, 0, -0, 2]
    #expect(quantized(weights, levels) == [0, 0, 1, -1, 1, -1, 1, -1, 0, 0, 1])
  }

  @Test func binaryIsTheSignAndZeroAtZero() {
    let levels = WeightLevels(format: .binary, scale: 3, divisor: 2)
    let weights: [Float] = [1, -1, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 0, -0, 9, -9, .infinity]
    #expect(quantized(weights, levels) == [1, -1, 1, -1, 0, 0, 1, -1, 1])
    let shifted = WeightLevels(format: .binary, scale: 0.5, divisor: 1, shift: 0.25)
    #expect(quantized([0.25, 0.250_000_03, 0.249, -1, 1], shifted) == [0, 1, -1, -1, 1])
  }

  @Test(arguments: [WeightFormat.ternary, .binary])
  func aNotANumberStays(format: WeightFormat) {
    let levels = WeightLevels(format: format, scale: 1, divisor: 1)
    #expect(quantized([1, .nan, 1], levels)[1].isNaN)
  }

  @Test(arguments: awkwardSizes, [WeightFormat.ternary, .binary])
  func oddLengths(count: Int, format: WeightFormat) {
    var numbers = TestNumbers(seed: count)
    let values = numbers.values(count, in: -2...2)
    let levels = WeightLevels(format: format, scale: 0.75, divisor: 0.75)
    #expect(quantized(values, levels) == values.map { level($0, levels) })
  }

  /// `<G, q - W / s>`, in blocks of 1,024: a rounding a term and a lane's 128 additions.
  @Test(arguments: awkwardSizes + [1023, 1024, 1025, 5000], [WeightFormat.ternary, .binary])
  func scaleGradientEqualsTheReference(count: Int, format: WeightFormat) {
    var numbers = TestNumbers(seed: count)
    let (weights, gradients) = (numbers.values(count, in: -2...2), numbers.values(count))
    let levels = WeightLevels(format: format, scale: 0.7, divisor: 0.7)
    let terms = zip(weights, gradients).map {
      Double($1) * (Double(level($0, levels)) - Double($0) / Double(levels.divisor))
    }
    let (w, g) = (island(weights), island(gradients))
    let actual = w.matrix.row(0).scaleGradient(g.matrix.row(0), levels)
    let bound = 140 * unitRoundoff * terms.reduce(0) { $0 + abs($1) + 1 }
    #expect(abs(actual - terms.reduce(0, +)) <= bound)
  }

  @Test(arguments: awkwardSizes)
  func signsAreAdded(count: Int) {
    var numbers = TestNumbers(seed: count)
    var weights = numbers.values(count)
    if count > 2 { weights[count / 2] = 0 }
    let (signs, gradient) = (island(weights), island(numbers.values(count)))
    let before = gradient.matrix.array
    gradient.matrix.row(0).addSigns(of: signs.matrix.row(0), times: 0.25)
    let expected = zip(before, weights).map { $0 + ($1 > 0 ? 0.25 : $1 < 0 ? -0.25 : 0) }
    #expect(gradient.matrix.array == expected && gradient.isIntact)
  }

  /// One weight at a time, as torch.round, clip and sign would have it.
  private func level(_ weight: Float, _ levels: WeightLevels) -> Float {
    switch levels.format {
    case .ternary: max(-1, min(1, (weight / levels.divisor).rounded(.toNearestOrEven)))
    case .binary: weight > levels.shift ? 1 : weight < levels.shift ? -1 : 0
    }
  }

  private func island(_ values: [Float]) -> Island {
    let island = Island(rows: 1, columns: values.count, surroundings: 7)
    island.matrix.row(0).copy(from: values)
    return island
  }
}
