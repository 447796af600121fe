import TensorCore
import Testing

/// Tolerance: 1e-6 of the largest value expected.
@Suite struct LayerNormTests {
  private static let tolerance = 1e-6

  /// Some rows, off centre, with a gain, a bias and room for statistics.
  private struct Example {
    let x: Island
    let gain: Island
    let bias: Island
    let statistics: Island
    let rows = 3

    init(width: Int, numbers: inout TestNumbers) {
      x = Island(rows: rows, columns: width)
      gain = Island(rows: 1, columns: width)
      bias = Island(rows: 1, columns: width)
      statistics = Island(rows: rows, columns: 2, surroundings: 7)
      x.matrix.fill(from: &numbers, in: -1...2)
      gain.matrix.fill(from: &numbers)
      bias.matrix.fill(from: &numbers)
    }

    func forward(into y: Matrix, epsilon: Float) {
      LayerNormKernel.forward(
        x.matrix, gain: gain.matrix.row(0), bias: bias.matrix.row(0), epsilon: epsilon, into: y,
        statistics: statistics.matrix)
    }
  }

  @Test(arguments: awkwardSizes, [1e-5, 1e-12] as [Float])
  func forwardEqualsTheReference(width: Int, epsilon: Float) {
    var numbers = TestNumbers(seed: width)
    let example = Example(width: width, numbers: &numbers)
    let y = Island(rows: example.rows, columns: width, surroundings: 7)
    example.forward(into: y.matrix, epsilon: epsilon)
    let (gain, bias) = (example.gain.matrix.doubles, example.bias.matrix.doubles)
    let expected = (0..<example.rows).flatMap { row in
      let x = example.x.matrix.row(row).doubles
      let normal = ReferenceNormalization.layerNorm(x, epsilon: Double(epsilon)).normal
      return (0..<width).map { normal[$0] * gain[$0] + bias[$0] }
    }
    #expect(worstRatio(y.matrix.array, expected, ofLargest: Self.tolerance) <= 1)
    #expect(y.isIntact && example.statistics.isIntact)
  }

  @Test(arguments: awkwardSizes, [false, true])
  func backwardEqualsTheReference(width: Int, accumulate: Bool) {
    var numbers = TestNumbers(seed: width)
    let epsilon: Float = 1e-5
    let example = Example(width: width, numbers: &numbers)
    let y = Island(rows: example.rows, columns: width)
    example.forward(into: y.matrix, epsilon: epsilon)
    let dy = Island(rows: example.rows, columns: width)
    dy.matrix.fill(from: &numbers)
    let (dx, dgain, dbias) = (island(example.rows, width), island(1, width), island(1, width))
    for target in [dx, dgain, dbias] { target.matrix.fill(from: &numbers) }
    var expected = accumulate ? dx.matrix.doubles : [Double](repeating: 0, count: dx.matrix.count)
    var (expectedGain, expectedBias) = (dgain.matrix.doubles, dbias.matrix.doubles)
    for row in 0..<example.rows {
      let (x, upstream) = (example.x.matrix.row(row).doubles, dy.matrix.row(row).doubles)
      let normal = ReferenceNormalization.layerNorm(x, epsilon: Double(epsilon)).normal
      let gradient = ReferenceNormalization.layerNormBackward(
        upstream, x: x, gain: example.gain.matrix.doubles, epsilon: Double(epsilon))
      for column in 0..<width {
        expected[row * width + column] += gradient[column]
        expectedGain[column] += upstream[column] * normal[column]
        expectedBias[column] += upstream[column]
      }
    }
    LayerNormKernel.backward(
      dy.matrix, x: example.x.matrix, gain: example.gain.matrix.row(0), statistics: example.statistics.matrix,
      into: dx.matrix, accumulate: accumulate, dgain: dgain.matrix.row(0), dbias: dbias.matrix.row(0))
    // A row of one value has no variance: what is left of its gradient is a difference of equal terms.
    if width > 1 || accumulate {
      #expect(worstRatio(dx.matrix.array, expected, ofLargest: Self.tolerance) <= 1)
    }
    #expect(worstRatio(dgain.matrix.array, expectedGain, ofLargest: Self.tolerance) <= 1)
    #expect(worstRatio(dbias.matrix.array, expectedBias, ofLargest: Self.tolerance) <= 1)
    #expect(dx.isIntact && dgain.isIntact && dbias.isIntact)
  }

  @Test func gradientMayReplaceItsUpstream() {
    var numbers = TestNumbers(seed: 5)
    let example = Example(width: 17, numbers: &numbers)
    let y = island(example.rows, 17)
    example.forward(into: y.matrix, epsilon: 1e-12)
    let (dy, apart) = (island(example.rows, 17), island(example.rows, 17))
    dy.matrix.fill(from: &numbers)
    let gains = [island(1, 17), island(1, 17)]
    for target in [apart, dy] {
      LayerNormKernel.backward(
        dy.matrix, x: example.x.matrix, gain: example.gain.matrix.row(0),
        statistics: example.statistics.matrix, into: target.matrix, accumulate: false,
        dgain: gains[0].matrix.row(0), dbias: gains[1].matrix.row(0))
    }
    #expect(dy.matrix.array == apart.matrix.array)
  }

  private func island(_ rows: Int, _ columns: Int) -> Island {
    Island(rows: rows, columns: columns, surroundings: 7)
  }
}
