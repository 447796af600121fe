import TensorCore

/// Repeatable numbers for test data: a linear congruential generator, none of the code under test.
struct TestNumbers {
  private var state: UInt64

  init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

  mutating func next(in range: ClosedRange<Double> = -1...1) -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let unit = Double(state >> 11) * 0x1p-53
    return Float(range.lowerBound + unit * (range.upperBound - range.lowerBound))
  }

  mutating func values(_ count: Int, in range: ClosedRange<Double> = -1...1) -> [Float] {
    (0..<count).map { _ in next(in: range) }
  }
}

extension Vector {
  /// Fills with numbers in `range`.
  func fill(from numbers: inout TestNumbers, in range: ClosedRange<Double> = -1...1) {
    copy(from: numbers.values(count, in: range))
  }
}

extension Matrix {
  /// Fills with numbers in `range`, row by row.
  func fill(from numbers: inout TestNumbers, in range: ClosedRange<Double> = -1...1) {
    for index in 0..<rows { row(index).fill(from: &numbers, in: range) }
  }
}
