import TensorCore
import Testing

@testable import Datasets

struct DigitsTests {
  @Test func contentIsScikitLearns() {
    #expect(SHA256.hexadecimal(of: Digits.content()) == Digits.sha256)
  }

  @Test func splitAndLabels() throws {
    let set = try Dataset.load(DatasetSource(.digits), in: DataFolder("/nonexistent"))
    #expect(set.train.count == 1_437)
    #expect(set.validation.count == 360)
    #expect(set.classes == 10)
    #expect(set.shape == ImageShape(channels: 1, height: 8, width: 8))
    #expect(histogram(set.train) == [143, 146, 142, 146, 144, 145, 144, 143, 141, 143])
    #expect(histogram(set.validation) == [35, 36, 35, 37, 37, 37, 37, 36, 33, 37])
    #expect(set.train.image(0).prefix(8) == [0, 0, 5, 13, 9, 1, 0, 0])
    #expect(set.train.allLabels.prefix(10) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    let sum = [set.train, set.validation].map { images in
      (0..<images.count).reduce(0) { $0 + images.image($1).reduce(0) { $0 + Int($1) } }
    }.reduce(0, +)
    #expect(sum == 561_718)
    let table = set.validation.table(.unit)
    #expect(table[16] == 1 && table[4] == 0.25)
  }

  @Test func validationBeginsAfterTraining() throws {
    let set = try Dataset.load(DatasetSource(.digits, trainLimit: 10, validationLimit: 1), in: DataFolder(""))
    #expect(set.train.count == 10)
    #expect(set.validation.count == 1)
    #expect(set.validation.image(0) == Array(Digits.content()[(1_437 * 64)..<(1_438 * 64)]))
  }

  private func histogram(_ images: LabeledImages) -> [Int] {
    images.allLabels.reduce(into: [Int](repeating: 0, count: 10)) { $0[$1] += 1 }
  }
}
