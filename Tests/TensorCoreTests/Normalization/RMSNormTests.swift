import TensorCore
import Testing

/// Tolerance: 1e-6 of the largest value expected.
@Suite struct RMSNormTests {
  private static let tolerance = 1e-6

  @Test(arguments: awkwardSizes, [1e-6, 0.5] as [Float])
  func forwardEqualsTheReference(width: Int, epsilon: Float) {
    var numbers = TestNumbers(seed: width)
    let x = Island(rows: 3, columns: width)
    x.matrix.fill(from: &numbers)
    let y = Island(rows: 3, columns: width, surroundings: 7)
    let scales = Island(rows: 1, columns: 3, surroundings: 7)
    RMSNormKernel.forward(x.matrix, epsilon: epsilon, into: y.matrix, scales: scales.matrix.row(0))
    let rows = (0..<3).map {
      ReferenceNormalization.rmsNorm(x.matrix.row($0).doubles, epsilon: Double(epsilon))
    }
    #expect(worstRatio(y.matrix.array, rows.flatMap(\.normal), ofLargest: Self.tolerance) <= 1)
    if width > 0 {
      #expect(worstRatio(scales.matrix.array, rows.map(\.scale), ofLargest: Self.tolerance) <= 1)
    }
    #expect(y.isIntact && scales.isIntact)
    RMSNormKernel.forward(x.matrix, epsilon: epsilon, into: x.matrix, scales: scales.matrix.row(0))
    #expect(x.matrix.array == y.matrix.array)
  }

  /// Three targets: apart, added to, and the upstream gradient itself.
  @Test(arguments: awkwardSizes)
  func backwardEqualsTheReference(width: Int) {
    var numbers = TestNumbers(seed: width)
    let epsilon: Float = 1e-6
    let (x, y, dy) = (
      Island(rows: 3, columns: width), Island(rows: 3, columns: width),
      Island(rows: 3, columns: width, surroundings: 7)
    )
    x.matrix.fill(from: &numbers)
    dy.matrix.fill(from: &numbers)
    let scales = Island(rows: 1, columns: 3)
    RMSNormKernel.forward(x.matrix, epsilon: epsilon, into: y.matrix, scales: scales.matrix.row(0))
    let gradient = (0..<3).flatMap {
      ReferenceNormalization.rmsNormBackward(
        dy.matrix.row($0).doubles, x: x.matrix.row($0).doubles, epsilon: Double(epsilon))
    }
    let dx = Island(rows: 3, columns: width, margin: 3, surroundings: 7)
    for (target, times) in [(dx, 1.0), (dx, 2), (dy, 1)] {
      RMSNormKernel.backward(
        dy.matrix, x: x.matrix, scales: scales.matrix.row(0), into: target.matrix, accumulate: times == 2)
      // A single value's gradient all but vanishes; what is left is measured by its terms.
      let largest = max(
        gradient.reduce(0) { max($0, abs($1)) }, width == 1 ? scales.matrix.doubles.max()! : 0)
      let ratio = worstRatio(target.matrix.array, gradient.map { $0 * times }) { _ in
        Self.tolerance * largest * times
      }
      #expect(ratio <= 1)
    }
    #expect(dx.isIntact && dy.isIntact)
  }
}
