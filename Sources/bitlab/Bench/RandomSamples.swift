import Networks
import TensorCore

/// Random images of the right shape, made once: only the arithmetic is to be timed.
struct RandomSamples: Samples {
  let count: Int
  private let pixels: FloatStorage
  private let pixelsPerImage: Int
  private let classes: Int

  init(count: Int, _ specification: NetworkSpecification) {
    self.count = count
    pixelsPerImage = specification.image.count
    classes = specification.classes
    pixels = FloatStorage(count: count * pixelsPerImage)
    var random = RandomStream(seed: 0, purpose: "benchmark")
    random.fillNormal(pixels.all, deviation: 1)
  }

  func load(_ position: Int, into target: Vector) {
    target.copy(from: pixels.vector(position * pixelsPerImage..<(position + 1) * pixelsPerImage))
  }

  func label(_ position: Int) -> Int { position * 7 % classes }
}
