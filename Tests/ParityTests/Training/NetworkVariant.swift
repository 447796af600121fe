import Files
import TensorCore
import Testing

@testable import Experiments
@testable import Networks

/// One of the ten networks that the fixtures train on the digits, named as in `train-*`: `vit-2-bitnet`.
struct NetworkVariant: Sendable, CustomTestStringConvertible {
  enum Kind: String {
    case mlp, vit
  }

  let architecture: Kind
  let precision: WeightPrecision
  let method: QuantizationMethod

  static let batchSize = 128

  /// All that there are fixtures for.
  static let all: [NetworkVariant] = [Kind.mlp, .vit].flatMap { architecture in
    [
      NetworkVariant(architecture: architecture, precision: .full, method: .simpleBitNet),
      NetworkVariant(architecture: architecture, precision: .ternary, method: .simpleBitNet),
      NetworkVariant(architecture: architecture, precision: .binary, method: .simpleBitNet),
      NetworkVariant(architecture: architecture, precision: .ternary, method: .bitNet),
      NetworkVariant(architecture: architecture, precision: .binary, method: .bitNet),
    ]
  }

  var name: String {
    "\(architecture.rawValue)-\(precision.rawValue)" + (roundsActivations ? "-bitnet" : "")
  }

  var testDescription: String { name }

  /// Whether activations pass a rounding whose edges digits fall on: what follows depends on the last bit before it.
  var roundsActivations: Bool { precision != .full && method == .bitNet }

  /// In full precision the MLP's second layer has no bias.
  var bias: [Bool] { [true, precision != .full, true] }

  var initialWeights: String {
    "initial-\(architecture.rawValue)-\(precision == .full ? "full" : "quantized")"
  }

  var learningRate: Double { precision == .full ? 1e-3 : 1e-4 }

  var specification: NetworkSpecification {
    let network: any Architecture =
      switch architecture {
      case .mlp: MLPSpecification(hidden: [32, 10], bias: bias)
      case .vit: ViTSpecification(width: 32, layers: 2, heads: 4, mlpWidth: 64, patch: 2)
      }
    return NetworkSpecification(
      architecture: network, image: ImageShape(channels: 1, height: 8, width: 8), classes: 10,
      precision: precision, method: method)
  }

  /// The network with the fixtures' initial weights.
  func model(batchSize: Int = batchSize) throws -> Model {
    let model = try Model(specification, batchSize: batchSize, team: Team(pool: ComputePool(cores: 1)))
    try ModelWeights.load(
      SafetensorsFile(reading: Fixture.path(initialWeights), in: POSIXFileSystem()), into: model.parameters)
    model.parametersChanged()
    return model
  }

  /// A training step with the fixtures' optimizer.
  func step(batchSize: Int = batchSize, gradientClip: Double? = nil) throws -> TrainingStep {
    try TrainingStep(
      try model(batchSize: batchSize), optimizer: OptimizerSpecification(), gradientClip: gradientClip)
  }
}

/// Images and labels of a fixture.
struct FixtureSamples: Samples {
  private let pixels: [Float]
  private let labels: [Int]
  private let range: Range<Int>

  init(_ fixture: Fixture) throws {
    pixels = try fixture.values("pixels")
    labels = try fixture.integers("labels")
    range = labels.indices
  }

  private init(_ all: FixtureSamples, _ range: Range<Int>) {
    (pixels, labels) = (all.pixels, all.labels)
    self.range = range
  }

  /// The batch of a step, from 0: epochs follow one another, each ends with a short batch.
  func batch(ofStep step: Int) -> FixtureSamples {
    let batches = (labels.count + NetworkVariant.batchSize - 1) / NetworkVariant.batchSize
    let first = step % batches * NetworkVariant.batchSize
    return FixtureSamples(self, first..<min(labels.count, first + NetworkVariant.batchSize))
  }

  var count: Int { range.count }

  func load(_ position: Int, into target: Vector) {
    let first = (range.lowerBound + position) * target.count
    target.copy(from: Array(pixels[first..<first + target.count]))
  }

  func label(_ position: Int) -> Int { labels[range.lowerBound + position] }
}
