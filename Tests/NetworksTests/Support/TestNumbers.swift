import Networks
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
}

/// Random images and labels.
struct TestSamples: Samples {
  let images: [[Float]]
  let labels: [Int]

  init(count: Int, of specification: NetworkSpecification, seed: Int) {
    var numbers = TestNumbers(seed: seed)
    images = (0..<count).map { _ in (0..<specification.image.count).map { _ in numbers.next() } }
    labels = (0..<count).map { _ in Int(numbers.next(in: 0...Double(specification.classes) - 0.01)) }
  }

  init(images: [[Float]], labels: [Int]) {
    self.images = images
    self.labels = labels
  }

  /// Some of them.
  subscript(range: Range<Int>) -> TestSamples {
    TestSamples(images: Array(images[range]), labels: Array(labels[range]))
  }

  var count: Int { images.count }

  func load(_ position: Int, into target: Vector) { target.copy(from: images[position]) }

  func label(_ position: Int) -> Int { labels[position] }

  /// For the reference.
  var table: Table {
    Table(rows: count, columns: images.first?.count ?? 0, images.flatMap { $0.map(Double.init) })
  }
}
