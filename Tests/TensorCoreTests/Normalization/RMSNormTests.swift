import TensorCore
import Testing

/// Tolerance: 1e-6 of the largest value expected.
@Suite struct RMSNormTests {
  private static let tolerance = 1e-6

  /// More rows than are rounded together; all kernels give the same bits.
  @Test(arguments: awkwardSizes, [1e-6, 0.5] as [Float])
  func forwardEqualsTheReference(width: Int, epsilon: Float) {
    var numbers = TestNumbers(seed: width)
    let rows = 19
    let x = Island(rows: rows, columns: width, surroundings: 7)
    x.matrix.fill(from: &numbers)
    let before = x.matrix.array
    var bits: Set<[UInt32]> = []
    for kernel in IntegerKernel.available {
      let room = Int8Room(rows: rows, columns: width)
      let scales = Island(rows: 1, columns: rows, surroundings: 7)
      let norms = scales.matrix.row(0)
      RMSNormKernel.forward(x.matrix, epsilon: epsilon, into: room.levels, scales: norms, kernel: kernel)
      let values = Island(rows: rows, columns: width, surroundings: 7)
      room.levels.values(into: values.matrix)
      for row in 0..<rows {
        let (normal, scale) = ReferenceNormalization.rmsNorm(
          x.matrix.row(row).doubles, epsilon: Double(epsilon))
        if width > 0 { #expect(worstRatio([norms[row]], [scale], ofLargest: Self.tolerance) <= 1) }
        let s = 127 / max(1e-5, normal.map(abs).max() ?? 0)
        let factor = room.levels.scale(ofRow: row)
        #expect(worstRatio([factor], [s], ofLargest: Self.tolerance) <= 1)
        // A level is the rounding of one product.
        let all = factor * norms[row]
        let expected = x.matrix.row(row).array.map { ($0 * all).rounded(.toNearestOrEven) }
        #expect(room.levels.row(row).map(Float.init) == expected && expected.allSatisfy { abs($0) <= 127 })
        #expect(room.levels.sum(ofRow: row) == Int(expected.reduce(0, +)))
        #expect(values.matrix.row(row).array == expected.map { $0 * (1 / factor) })
      }
      #expect(x.isIntact && x.matrix.array == before && room.isIntact && scales.isIntact && values.isIntact)
      bits.insert((values.matrix.array + scales.matrix.array).map(\.bitPattern))
    }
    #expect(bits.count == 1)
  }

  /// Three targets: apart, added to, and the upstream gradient itself.
  @Test(arguments: awkwardSizes)
  func backwardEqualsTheReference(width: Int) {
    var numbers = TestNumbers(seed: width)
    let epsilon: Float = 1e-6
    let (x, dy) = (Island(rows: 3, columns: width), Island(rows: 3, columns: width, surroundings: 7))
    x.matrix.fill(from: &numbers)
    dy.matrix.fill(from: &numbers)
    let scales = Island(rows: 1, columns: 3)
    let room = Int8Room(rows: 3, columns: width)
    RMSNormKernel.forward(x.matrix, epsilon: epsilon, into: room.levels, scales: scales.matrix.row(0))
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
