import TensorCore

@testable import Networks

/// A layer, or a part of one, that a fixture tells input, output and gradients of.
protocol TestedLayer: Sendable {
  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass)

  /// Leaves the parameters' gradients, and that of the input in `dx`.
  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix, _ pass: BackwardPass)
}

/// A layer as a network of its own, its output in the place of the logits.
struct LayerNetwork: Network {
  let parts: NetworkParts
  let input: ActivationSlot
  let logits: ActivationSlot
  let inputGradient: ActivationSlot
  let layer: any TestedLayer

  /// - Parameters:
  ///   - x, y: shapes of input and output, images first; of three dimensions the second counts an image's rows.
  ///   - makeLayer: adds the layer's tensors and activations.
  init(
    x: [Int], y: [Int], shardImages: Int, _ specification: NetworkSpecification,
    _ makeLayer: (inout NetworkBuilder) throws -> any TestedLayer
  ) rethrows {
    var builder = NetworkBuilder(specification, shardImages: shardImages)
    func add(_ shape: [Int]) -> ActivationSlot {
      let rows = shape.count == 3 ? shape[1] : 1
      return builder.activation(rowsPerImage: rows, columns: shape.dropFirst().reduce(1, *) / rows)
    }
    input = add(x)
    logits = add(y)
    inputGradient = add(x)
    layer = try makeLayer(&builder)
    parts = builder.parts
  }

  func forward(_ pass: ForwardPass) { layer.forward(pass[input], into: pass[logits], pass) }

  func backward(_ pass: BackwardPass) {
    layer.backward(pass[logits], x: pass[input], into: pass[inputGradient], pass)
  }
}

/// Runs a layer forward and backward on a fixture's values, with the program's own quantizing, packing and gradients
/// of scales around it.
struct LayerBench {
  let model: Model
  let network: LayerNetwork
  private let fixture: Fixture
  private let step: TrainingStep
  private let shardImages: Int

  /// What stands before a fixture's names in the network's.
  private static let prefixes = [
    "vit.embeddings.patch_embeddings.", "vit.embeddings.", "vit.encoder.layer.0.", "layer.",
  ]

  /// - Parameters:
  ///   - shardImages: images that pass together; all but the first shard add to the gradients that are there.
  ///   - precision, method: of the linear layers that `makeLayer` adds.
  init(
    _ fixture: Fixture, shardImages: Int, precision: WeightPrecision = .full,
    method: QuantizationMethod = .simpleBitNet, _ makeLayer: (inout NetworkBuilder) throws -> any TestedLayer
  ) throws {
    self.fixture = fixture
    let (x, y) = (try fixture.shape("x"), try fixture.shape("y"))
    self.shardImages = min(shardImages, x[0])
    let specification = NetworkSpecification(
      architecture: MLPSpecification(hidden: [], bias: [true]),
      image: ImageShape(channels: 1, height: 1, width: 1), classes: 1, precision: precision, method: method)
    network = try LayerNetwork(x: x, y: y, shardImages: self.shardImages, specification, makeLayer)
    // One image, one group: the bench itself cuts the images into shards.
    model = try Model(
      specification, network: network, shardPlan: ShardPlan(specification, batchSize: 1),
      team: Team(pool: ComputePool(cores: 1)))
    step = try TrainingStep(model, optimizer: OptimizerSpecification(kind: .sgd))
    for (index, tensor) in network.layout.tensors.enumerated() {
      model.parameters[index].copy(from: try fixture.values(Self.fixtureName(tensor.name)))
    }
    model.parametersChanged()
  }

  private static func fixtureName(_ name: String) -> String {
    let prefix = prefixes.first { name.hasPrefix($0) } ?? ""
    return String(name.dropFirst(prefix.count))
  }

  /// The output `y` and all gradients under the fixture's names, with what `inspect` adds for a shard.
  func run(inspect: (ForwardPass) -> [String: Matrix] = { _ in [:] }) throws -> [String: [Float]] {
    let (x, dy) = (try fixture.values("x"), try fixture.values("dy"))
    let images = try fixture.shape("x")[0]
    var results: [String: [Float]] = [:]
    for first in stride(from: 0, to: images, by: shardImages) {
      let shard = first..<min(images, first + shardImages)
      let pass = ForwardPass(
        images: shard.count, parameters: model.parameters, weights: model.panels,
        workspace: model.workspaces[0])
      pass[network.input].flat.copy(from: x.part(shard, of: images))
      network.forward(pass)
      results["y", default: []] += pass[network.logits].array
      for (name, matrix) in inspect(pass) { results[name, default: []] += matrix.array }
      pass[network.logits].flat.copy(from: dy.part(shard, of: images))
      network.backward(
        BackwardPass(pass, panels: model.panels, gradients: step.gradients[0], accumulates: first > 0))
      results["dx", default: []] += pass[network.inputGradient].array
    }
    step.descend(groups: 1, rate: 0)
    for (index, tensor) in network.layout.tensors.enumerated() {
      results["d" + Self.fixtureName(tensor.name)] = step.gradient[index].array
    }
    return results
  }

  /// The first tensor as products see it, the scale included.
  func quantizedWeights(_ levels: WeightLevels) -> [Float] {
    let weights = model.parameters[0]
    let quantized = FloatStorage(count: weights.count)
    weights.quantize(levels, into: quantized.all)
    quantized.all.scale(by: levels.scale)
    return quantized.array
  }
}

extension [Float] {
  /// The values of some of `images` images.
  fileprivate func part(_ range: Range<Int>, of images: Int) -> [Float] {
    let each = count / images
    return Array(self[range.lowerBound * each..<range.upperBound * each])
  }
}
