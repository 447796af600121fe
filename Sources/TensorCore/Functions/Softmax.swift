import Foundation

extension Matrix {
  /// The first `count` values of each row: `softmax(scale * row)`, in place; the others become 0. The largest value is
  /// taken off first, so nothing overflows.
  ///
  /// The columns divide by 8: rows of another length are padded, since vectors that are cut would take longer than all
  /// others together.
  package func softmaxRows(_ count: Int, scale: Float) {
    precondition(
      count > 0 && count <= columns && columns % laneCount == 0,
      "softmax: \(count) of \(columns) columns, which should divide by \(laneCount)")
    for index in 0..<rows { softmax(base + index * stride, count, scale: scale) }
  }

  @inline(__always)
  private func softmax(_ row: UnsafeMutablePointer<Float>, _ count: Int, scale: Float) {
    let last = (count - 1) / laneCount * laneCount
    let unused = Lanes.number .>= Float(count - last)
    var best = (load(row + last) * scale).replacing(with: -.infinity, where: unused)
    for offset in Swift.stride(from: 0, to: last, by: laneCount) {
      best = larger(load(row + offset) * scale, best)
    }
    let largest = TensorCore.largest(best)
    // Multiplied and rounded as above: a fused difference would leave the largest value's own rounding, which overflows
    // the exponential where values are huge.
    var total = exponential(load(row + last) * scale - largest).replacing(with: 0, where: unused)
    store(total, row + last)
    for offset in Swift.stride(from: 0, to: last, by: laneCount) {
      let value = exponential(load(row + offset) * scale - largest)
      store(value, row + offset)
      total += value
    }
    let factor = 1 / TensorCore.sum(total)
    for offset in Swift.stride(from: 0, through: last, by: laneCount) {
      store(load(row + offset) * factor, row + offset)
    }
    for offset in Swift.stride(from: last + laneCount, to: columns, by: laneCount) {
      store(Lanes.zero, row + offset)
    }
  }

  /// The softmax's gradient, in place of the upstream one: `dS = scale * P * (dP - <P, dP>)`, row by row.
  ///
  /// - Parameter probabilities: what `softmaxRows` gave, of the same shape: where they are padded, the gradient becomes 0.
  package func softmaxRowsBackward(probabilities: Matrix, scale: Float) {
    precondition(
      probabilities.rows == rows && probabilities.columns == columns && columns % laneCount == 0,
      "softmax: gradient \(rows)x\(columns) for \(probabilities.rows)x\(probabilities.columns)")
    for index in 0..<rows {
      let p = probabilities.base + index * probabilities.stride
      let d = base + index * stride
      var dot = Lanes.zero
      for offset in Swift.stride(from: 0, to: columns, by: laneCount) {
        dot = multiplyAdd(load(p + offset), load(d + offset), dot)
      }
      let mean = TensorCore.sum(dot)
      for offset in Swift.stride(from: 0, to: columns, by: laneCount) {
        store((load(d + offset) - mean) * load(p + offset) * scale, d + offset)
      }
    }
  }
}

extension Vector {
  /// `softmax(scale * self)` in place. Returns the largest scaled value and the sum of `exp(scale * x - largest)`.
  func softmax(scale: Float) -> (largest: Float, sum: Float) {
    guard count > 0 else { return (-.infinity, 0) }
    var best = Lanes(repeating: -.infinity)
    forEachVector(count) { offset, lanes in
      let value = loadLanes(base + offset, lanes) * scale
      let padded =
        lanes == laneCount
        ? value : value.replacing(with: -.infinity, where: Lanes.number .>= Float(lanes))
      best = larger(padded, best)
    }
    let largest = TensorCore.largest(best)
    var total = Lanes.zero
    forEachVector(count) { offset, lanes in
      // Multiplied and rounded as above: a fused difference would leave the largest value's own rounding, which overflows
      // the exponential where values are huge.
      var value = exponential(loadLanes(base + offset, lanes) * scale - largest)
      if lanes < laneCount { value.replace(with: 0, where: Lanes.number .>= Float(lanes)) }
      total += value
      storeLanes(value, base + offset, lanes)
    }
    let sum = TensorCore.sum(total)
    self.scale(by: 1 / sum)
    return (largest, sum)
  }
}

/// What a classifier did on some samples.
package struct ClassificationScore: Sendable, Equatable {
  /// Sum of the samples' cross-entropies, natural logarithm.
  package var loss: Double
  package var correct: Int

  package init(loss: Double = 0, correct: Int = 0) {
    self.loss = loss
    self.correct = correct
  }

  package static func += (total: inout Self, part: Self) {
    total.loss += part.loss
    total.correct += part.correct
  }
}

extension Matrix {
  /// Softmax cross-entropy of logits `[samples, classes]`, and in their place its gradient.
  ///
  ///     loss_i = log sum_j exp z_ij - z_i,label      dz_ij = (softmax(z_i)_j - [j = label]) * gradientScale
  ///
  /// - Parameters:
  ///   - gradientScale: 1 / batch for the mean over a batch.
  ///   - label: a row's class. A closure, since a generic sequence of another module's would be walked unspecialized.
  /// - Returns: the sum over the rows, in order; a row counts as correct when the first of its largest logits is the label's.
  package func crossEntropy(gradientScale: Float, label: (_ row: Int) -> Int) -> ClassificationScore {
    var score = ClassificationScore()
    for index in 0..<rows {
      let label = label(index)
      precondition(label >= 0 && label < columns, "crossEntropy: label \(label) outside 0..<\(columns)")
      let logits = row(index)
      let own = logits.base[label]
      if logits.indexOfLargest() == label { score.correct += 1 }
      let (largest, sum) = logits.softmax(scale: 1)
      score.loss += log(Double(sum)) + Double(largest) - Double(own)
      logits.base[label] -= 1
      logits.scale(by: gradientScale)
    }
    return score
  }
}

extension Vector {
  /// The index of the first largest value; nil for no values or where one is NaN.
  package func indexOfLargest() -> Int? {
    var best: Int?
    for index in 0..<count {
      if base[index].isNaN { return nil }
      if best == nil || base[index] > base[best!] { best = index }
    }
    return best
  }
}

/// `e^x` lane by lane, within 2 ulp (relative error below 2.4e-7) wherever the result is a normal float above 2^-125.
///
/// Smaller results are 0, larger than the largest float infinite; NaN stays NaN. The argument is split into
/// `n ln 2 + r`, `|r| <= ln 2 / 2`; `e^r` is Cephes' polynomial of degree 7, and `2^n` goes into the exponent.
@inline(__always)
package func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
  // Adding 1.5 * 2^23 leaves round(x / ln 2) in the low bits of the significand, without a conversion to integers.
  let magic = Lanes(repeating: 12_582_912)
  let shifted = multiplyAdd(x, Lanes(repeating: 1.442_695_04), magic)
  let n = shifted - magic
  var r = multiplyAdd(n, Lanes(repeating: -0.693_359_375), x)
  r = multiplyAdd(n, Lanes(repeating: 2.121_944_40e-4), r)
  var p = Lanes(repeating: 1.987_569_15e-4)
  p = multiplyAdd(p, r, Lanes(repeating: 1.398_199_950_7e-3))
  p = multiplyAdd(p, r, Lanes(repeating: 8.333_451_907_3e-3))
  p = multiplyAdd(p, r, Lanes(repeating: 4.166_579_589_4e-2))
  p = multiplyAdd(p, r, Lanes(repeating: 1.666_666_545_9e-1))
  p = multiplyAdd(p, r, Lanes(repeating: 5.000_000_120_1e-1))
  p = multiplyAdd(p, r * r, r) + 1
  // 2^(n-1) and a doubling, so that n = 128 still fits the exponent.
  let exponent = unsafeBitCast(shifted, to: SIMD8<UInt32>.self) &+ 126
  let power = unsafeBitCast(exponent &<< 23, to: Lanes.self)
  var result = p * power * 2
  result.replace(with: 0, where: x .< -86.643_39)
  result.replace(with: .infinity, where: x .> 88.722_84)
  return result
}
