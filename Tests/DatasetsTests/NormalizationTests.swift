import Testing

@testable import Datasets

struct NormalizationTests {
  @Test func rawValuesAreTheConfigs() {
    #expect(Normalization.allCases.map(\.rawValue) == ["unit", "half"])
    #expect(
      DatasetName.allCases.map(\.rawValue) == [
        "digits", "mnist", "fashion-mnist", "cifar10", "cifar100", "idx",
      ])
  }

  /// The quotient of two small integers rounds to the same float from Double; so does what follows from that float.
  @Test(arguments: [UInt8(255), 16]) func tablesMatchDouble(white: UInt8) {
    let unit = Normalization.unit.table(whiteLevel: white)
    let half = Normalization.half.table(whiteLevel: white)
    for pixel in UInt8(0)...255 {
      let expected = Float(Double(pixel) / Double(white))
      #expect(unit[pixel] == expected)
      #expect(half[pixel] == Float(Double(Float(Double(expected) - 0.5)) / 0.5))
      #expect(abs(Double(half[pixel]) - (Double(pixel) / Double(white) - 0.5) / 0.5) <= 1.2e-7 * 32)
    }
    #expect(unit[0] == 0 && unit[white] == 1)
    #expect(half[0] == -1 && half[white] == 1)
  }

  /// The bits that float32 division gives in PyTorch.
  @Test func bitsOfPyTorch() {
    let unit = Normalization.unit.table(whiteLevel: 255)
    let half = Normalization.half.table(whiteLevel: 255)
    #expect(
      [1, 51, 127, 254].map { unit[$0].bitPattern } == [0x3b80_8081, 0x3e4c_cccd, 0x3efe_feff, 0x3f7e_feff])
    #expect(
      [1, 51, 127, 254].map { half[$0].bitPattern } == [0xbf7d_fdfe, 0xbf19_999a, 0xbb80_8080, 0x3f7d_fdfe])
  }

  @Test(arguments: [0, 1, 7, 8, 9, 31, 784]) func convertsAnyLength(count: Int) {
    let pixels = pattern(count)
    let table = Normalization.unit.table(whiteLevel: 255)
    var output = [Float](repeating: .nan, count: count)
    pixels.withUnsafeBufferPointer { pixels in
      output.withUnsafeMutableBufferPointer { table.convert(pixels, into: $0) }
    }
    #expect(output == pixels.map { Float($0) / 255 })
  }

  @Test func convertsBatches() throws {
    let set = try SmallSet().load().train
    let table = set.table(.half)
    let batch = BatchOrder(permutation: [3, 0, 2], batchSize: 2)[0]
    var inputs = [Float](repeating: 9, count: 13)
    var labels = [Int32](repeating: 9, count: 3)
    inputs.withUnsafeMutableBufferPointer { inputs in
      labels.withUnsafeMutableBufferPointer { set.convert(batch, with: table, into: inputs, labels: $0) }
    }
    #expect(inputs == (set.image(3) + set.image(0)).map { table[$0] } + [9])
    #expect(labels == [2, 0, 9])
  }
}
