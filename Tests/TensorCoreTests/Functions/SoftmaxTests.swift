import Foundation
import TensorCore
import Testing

@Suite struct SoftmaxTests {
  /// Relative to each probability: 2 ulp of the exponential, the rounding of its argument, and the sum's.
  @Test(arguments: awkwardSizes.dropFirst(), [1, 0.353_553_4, 1000] as [Float])
  func rowsEqualTheReference(count: Int, scale: Float) {
    var numbers = TestNumbers(seed: count)
    for columns in [(count + 7) / 8 * 8, (count + 7) / 8 * 8 + 16] {
      let x = Island(rows: 3, columns: columns, surroundings: 7)
      x.matrix.fill(from: &numbers, in: -4...4)
      let before = (0..<3).map { x.matrix.row($0)[0..<count].doubles }
      x.matrix.softmaxRows(count, scale: scale)
      for index in 0..<3 {
        let expected = ReferenceSoftmax.softmax(before[index], scale: Double(scale))
        let reach = 8 * Double(scale) + Double(count) / 8 + 12
        let ratio = worstRatio(x.matrix.row(index)[0..<count].array, expected) {
          reach * unitRoundoff * expected[$0] + 0x1p-124
        }
        #expect(ratio <= 1)
        #expect(x.matrix.row(index)[count..<columns].array.allSatisfy { $0 == 0 }, "padding")
      }
      #expect(x.isIntact)
    }
  }

  /// The argument of the largest value's exponential must be zero however large the values are, and what lies in the
  /// padding must not matter.
  @Test(arguments: [1e4, 3e9, 7.7e20, 1e38] as [Float], [1, 0.353_553_4, 0.1] as [Float])
  func hugeValuesDoNotOverflow(size: Float, scale: Float) {
    let x = Island(rows: 1, columns: 16)
    for index in 0..<16 {
      x.matrix[0, index] = index < 9 ? size * (-1 + Float(index) / 16) : index < 11 ? size : .infinity
    }
    x.matrix.softmaxRows(11, scale: scale)
    #expect(
      x.matrix.array == [Float](repeating: 0, count: 9) + [0.5, 0.5] + [Float](repeating: 0, count: 5))
  }

  /// All far below zero, which is what the padding holds.
  @Test func lowValuesDoNotVanish() {
    let x = Island(rows: 1, columns: 8)
    for index in 0..<8 { x.matrix[0, index] = index < 4 ? -1000 : 0 }
    x.matrix.softmaxRows(4, scale: 1)
    #expect(x.matrix.array == [0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0])
  }

  @Test(arguments: 0..<11)
  func aNotANumberReachesTheWholeRow(position: Int) {
    var numbers = TestNumbers(seed: position)
    let x = Island(rows: 1, columns: 16)
    x.matrix.fill(from: &numbers)
    x.matrix[0, position] = .nan
    x.matrix.softmaxRows(11, scale: 1)
    #expect(x.matrix.row(0)[0..<11].array.allSatisfy { $0.isNaN })
  }

  @Test(arguments: awkwardSizes.dropFirst())
  func backwardEqualsTheReference(count: Int) {
    var numbers = TestNumbers(seed: count)
    let columns = (count + 15) / 16 * 16
    let p = Island(rows: 2, columns: columns)
    p.matrix.fill(from: &numbers, in: -2...2)
    p.matrix.softmaxRows(count, scale: 1)
    let d = Island(rows: 2, columns: columns, margin: 3, surroundings: 7)
    d.matrix.fill(from: &numbers)
    let expected = (0..<2).flatMap {
      ReferenceSoftmax.backward(
        d.matrix.row($0).doubles, probabilities: p.matrix.row($0).doubles, scale: 0.25)
    }
    let probabilities = p.matrix.doubles
    d.matrix.softmaxRowsBackward(probabilities: p.matrix, scale: 0.25)
    let ratio = worstRatio(d.matrix.array, expected) {
      Double(columns / 8 + 12) * unitRoundoff * 0.5 * probabilities[$0]
    }
    #expect(ratio <= 1 && d.isIntact)
  }

  @Test(arguments: awkwardSizes.dropFirst(), [3, 300] as [Double])
  func crossEntropyEqualsTheReference(classes: Int, size: Double) {
    var numbers = TestNumbers(seed: classes)
    let rows = 5
    let z = Island(rows: rows, columns: classes, surroundings: 7)
    z.matrix.fill(from: &numbers, in: -size...size)
    let labels = (0..<rows).map { $0 * 13 % classes }
    let logits = (0..<rows).map { z.matrix.row($0).doubles }
    let score = z.matrix.crossEntropy(gradientScale: 0.125) { labels[$0] }
    let loss = (0..<rows).reduce(0) { $0 + ReferenceSoftmax.crossEntropy(logits[$1], label: labels[$1]) }
    #expect(abs(score.loss - loss) <= Double(rows) * Double(classes / 8 + 12) * unitRoundoff)
    #expect(score.correct == (0..<rows).count { logits[$0][labels[$0]] == logits[$0].max() })
    let gradient = (0..<rows).flatMap { row in
      ReferenceSoftmax.softmax(logits[row]).enumerated().map {
        ($1 - ($0 == labels[row] ? 1 : 0)) * 0.125
      }
    }
    let bound = (Double(classes / 8 + 12) + 2 * size) * unitRoundoff * 0.125
    #expect(worstRatio(z.matrix.array, gradient) { _ in bound } <= 1)
    #expect(z.isIntact)
  }

  @Test func hugeLogitsGiveAFiniteLoss() {
    let z = Island(rows: 1, columns: 3)
    z.matrix.row(0).copy(from: [-1e30, 1e30, 0])
    let score = z.matrix.crossEntropy(gradientScale: 1) { _ in 0 }
    #expect(score == ClassificationScore(loss: 2 * Double(Float(1e30)), correct: 0))
    #expect(z.matrix.array == [-1, 1, 0])
  }

  @Test(arguments: 0..<19)
  func aNotANumberReachesTheLoss(position: Int) {
    var numbers = TestNumbers(seed: position)
    let z = Island(rows: 1, columns: 19, surroundings: 7)
    z.matrix.fill(from: &numbers)
    z.matrix[0, position] = .nan
    let score = z.matrix.crossEntropy(gradientScale: 1) { _ in 3 }
    #expect(score.loss.isNaN && score.correct == 0)
  }

  @Test func ofTiesTheFirstIsTheAnswer() {
    for label in 0..<3 {
      let z = Island(rows: 1, columns: 3)
      z.matrix.row(0).copy(from: [1, 2, 2])
      let score = z.matrix.crossEntropy(gradientScale: 1) { _ in label }
      #expect(score.correct == (label == 1 ? 1 : 0))
    }
  }
}
