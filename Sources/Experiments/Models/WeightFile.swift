import Datasets
import Dispatch
import Files
import Foundation
import JSON
import Networks
import TensorCore

/// A model in a file: what it is, and its weights as they are stored.
///
/// Three kinds of safetensors file: a run's own, with the latent weights of training; a packed one, with those of quantized
/// layers in two bits or one; and an effective one, with the float32 values that products see.
package struct WeightFile: Sendable {
  package let description: ModelDescription
  package let kind: Kind
  /// By the names of the layout's tensors; those of packed matrices are in `matrices`.
  private let values: [String: [Float]]
  /// By the names of the weights.
  private let matrices: [String: PackedMatrix]

  package enum Kind: Sendable, Hashable {
    case latent, packed, effective

    /// How a file's metadata spell it: `content`.
    fileprivate static let contentKey = "content"
    fileprivate var content: String {
      switch self {
      case .latent: "latent weights"
      case .packed: "packed weights"
      case .effective: "effective weights"
      }
    }
  }

  private static let packedFormat = "bitlab-packed"
  private static let packedVersion = "1"
  /// What transformers wants to find.
  private static let torchFormat = "pt"

  /// The metadata of a run's own weights.
  static func metadata(_ description: ModelDescription) -> [String: String] {
    description.metadata.merging(
      ["format": torchFormat, Kind.contentKey: Kind.latent.content], uniquingKeysWith: { $1 })
  }
}

// MARK: - Reading

extension WeightFile {
  /// Reads and checks a file of any kind. Throws `FileError`, or `FileContentError` for one that is none of ours, or damaged.
  package init(reading path: String, in files: any FileSystem) throws {
    try self.init(decoding: files.readAll(path), from: path)
  }

  package init(decoding bytes: [UInt8], from path: String) throws {
    func fail(_ problem: String) -> FileContentError {
      FileContentError(
        path: path, problem: problem,
        remedy: "take a run's model.safetensors, or write the file anew with `bitlab export`")
    }
    let file = try SafetensorsFile(decoding: bytes, types: [.f32, .u8], from: path)
    let format = file.metadata["format"]
    if format == Self.packedFormat {
      kind = .packed
      let version = file.metadata["version"] ?? "none"
      guard version == Self.packedVersion else {
        throw fail("is a packed model of version \(version), and version \(Self.packedVersion) is read")
      }
    } else if file.metadata[Kind.contentKey] == Kind.latent.content {
      kind = .latent
    } else if file.metadata[Kind.contentKey] == Kind.effective.content {
      kind = .effective
    } else {
      throw fail("is not a model of BitLab: its metadata do not say what it holds")
    }
    do throws(ModelDescription.Defect) {
      let description = try ModelDescription(file.metadata)
      self.description = description
      (values, matrices) = try Self.tensors(
        file, description.specification, isPacked: kind == .packed)
    } catch {
      throw fail(error.problem)
    }
  }

  private static func tensors(
    _ file: SafetensorsFile, _ specification: NetworkSpecification, isPacked: Bool
  ) throws(ModelDescription.Defect) -> ([String: [Float]], [String: PackedMatrix]) {
    let network = specification.network(shardImages: 1)
    var tensors = Dictionary(file.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var (values, matrices): ([String: [Float]], [String: PackedMatrix]) = ([:], [:])
    func take(
      _ name: String, _ type: SafetensorsFile.ElementType, shape: [Int]
    ) throws(ModelDescription.Defect) -> SafetensorsFile.Tensor {
      guard let tensor = tensors.removeValue(forKey: name) else {
        throw ModelDescription.Defect(problem: "the tensor \(name) is missing")
      }
      guard tensor.type == type, tensor.shape == shape else {
        throw ModelDescription.Defect(
          problem: "the tensor \(name) is \(tensor.type.rawValue) of shape \(tensor.shape), expected "
            + "\(type.rawValue) of shape \(shape)")
      }
      return tensor
    }
    let quantized = isPacked ? network.quantizedWeights : [:]
    let twoBit = try twoBitNames(file.metadata)
    for (index, tensor) in network.layout.tensors.enumerated() {
      guard let (linear, quantizer) = quantized[index] else {
        values[tensor.name] = try take(tensor.name, .f32, shape: tensor.shape).values
        continue
      }
      let format = twoBit.contains(tensor.name) ? .ternary : quantizer.format
      let bytes = try take(
        tensor.name + ".packed", .u8, shape: [linear.outputs, format.bytes(columns: linear.inputs)]
      ).bytes
      let scale = try take(tensor.name + ".scale", .f32, shape: [1]).values[0]
      do throws(PackedMatrix.Damage) {
        matrices[tensor.name] = try PackedMatrix(
          format, rows: linear.outputs, columns: linear.inputs, scale: scale, bytes: bytes)
      } catch {
        throw ModelDescription.Defect(problem: "the tensor \(tensor.name).packed is damaged: \(error)")
      }
    }
    if let other = tensors.keys.min() {
      throw ModelDescription.Defect(problem: "\(other) is not a tensor of this model")
    }
    return (values, matrices)
  }

  /// Binary matrices that are stored in two bits, since they have zeros.
  private static func twoBitNames(
    _ metadata: [String: String]
  ) throws(ModelDescription.Defect) -> Set<String> {
    guard let text = metadata["two_bit"] else { return [] }
    let outcome = JSONParser.parse(Array(text.utf8), as: JSONSyntax())
    guard outcome.problems.isEmpty, let names = outcome.value?.array?.map(\.string),
      names.allSatisfy({ $0 != nil })
    else {
      throw ModelDescription.Defect(problem: "its metadata's \"two_bit\" is not an array of names")
    }
    return Set(names.compactMap { $0 })
  }
}

extension Network {
  /// The quantized layers by their weights' indices.
  fileprivate var quantizedWeights: [Int: (Linear, Quantizer)] {
    Dictionary(
      uniqueKeysWithValues: linears.compactMap { linear in
        linear.quantizer.map { (linear.weight, (linear, $0)) }
      })
  }
}

// MARK: - Computing

/// What a model computed with images.
package struct Evaluation: Sendable {
  package let images: Int
  package let accuracy: Double
  package let loss: Double
  /// Images of each class, by the class that they were given: `[label][class]`. Images whose logits are no numbers are in none.
  package let confusion: [[Int]]
  package let seconds: Double
}

extension WeightFile {
  /// The model, ready to be evaluated on `team`. Quantized weights are packed, wherever they came from.
  ///
  /// Throws `OutOfMemory`.
  package func inference(_ team: Team) throws -> Inference {
    let specification = description.specification
    let network = specification.network(shardImages: 1)
    let matrices = try packedMatrices(network, team)
    return try Inference(specification, matrices: matrices, team: team) { values[$0.name] ?? [] }
  }

  /// Evaluates the model on the validation images of a data set, whose shape and classes must be its own.
  ///
  /// Throws `Mismatch`, `OutOfMemory`.
  package func evaluate(on dataset: Dataset, _ team: Team) throws -> Evaluation {
    let specification = description.specification
    guard dataset.shape == specification.image, dataset.classes == specification.classes else {
      throw Mismatch(
        description: "the model is a \(description.summary), and the data set \(dataset.name.rawValue) has "
          + "\(dataset.classes) classes of \(dataset.shape.channels)x\(dataset.shape.height)x\(dataset.shape.width)"
      )
    }
    let images = dataset.validation
    let samples = AllSamples(images: images, table: images.table(description.dataset.normalize))
    let inference = try inference(team)
    let start = DispatchTime.now().uptimeNanoseconds
    let (score, classes) = inference.classify(samples)
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    var confusion = Array(
      repeating: Array(repeating: 0, count: dataset.classes), count: dataset.classes)
    for (index, given) in classes.enumerated() {
      if let given { confusion[images.label(index)][given] += 1 }
    }
    return Evaluation(
      images: images.count, accuracy: Double(score.correct) / Double(images.count),
      loss: score.loss / Double(images.count), confusion: confusion, seconds: seconds)
  }

  /// The probability of each class for each of some pictures, whose shape must be the model's.
  ///
  /// Throws `OutOfMemory`.
  package func probabilities(of pictures: Pictures, _ inference: Inference) -> [[Double]] {
    let table = description.dataset.normalize.table(whiteLevel: pictures.whiteLevel)
    let logits = inference.logits(PictureSamples(pictures: pictures, table: table))
    let classes = description.specification.classes
    let all = withExtendedLifetime(logits) { logits.all.array.map(Double.init) }
    return (0..<pictures.count).map { index in
      let row = all[index * classes..<(index + 1) * classes]
      let largest = row.max() ?? 0
      let powers = row.map { exp($0 - largest) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }

  /// Bytes of the weights as they are stored when packed.
  package var weightBytes: Int { description.specification.network(shardImages: 1).weightBytes }

  /// By `Linear.index`.
  private func packedMatrices(_ network: any Network, _ team: Team) throws -> [PackedMatrix?] {
    guard kind == .latent else {
      return network.linears.map { matrices[network.layout[$0.weight].name] }
    }
    return try model(team).packedWeights.matrices
  }

  /// The model as training has it. Throws `OutOfMemory`.
  private func model(_ team: Team) throws -> Model {
    let model = try Model(description.specification, batchSize: 1, team: team)
    for (index, tensor) in model.network.layout.tensors.enumerated() {
      model.parameters[index].copy(from: values[tensor.name] ?? [])
    }
    model.parametersChanged()
    return model
  }
}

// MARK: - Exporting

extension WeightFile {
  /// Why a model cannot be evaluated on data.
  package struct Mismatch: Error, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// Why a run's weights cannot leave in a format.
  package struct Refusal: Error, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// Writes latent weights as a packed file; returns its matrices' names that take two bits though the layer has one.
  ///
  /// Throws `Refusal`, `FileError`, `OutOfMemory`.
  package func writePacked(to path: String, _ team: Team, in files: any FileSystem) throws -> [String] {
    guard description.specification.precision != .full else {
      throw Refusal(
        description: "its weights are full precision, and there is nothing to pack: take --format safetensors"
      )
    }
    let model = try model(team)
    let matrices = model.packedWeights.matrices
    let quantized = model.network.quantizedWeights
    var twoBit: [String] = []
    var sources: [TensorSource] = []
    for (index, tensor) in model.network.layout.tensors.enumerated() {
      guard let (linear, quantizer) = quantized[index], let matrix = matrices[linear.index] else {
        sources.append(TensorSource(tensor.name, shape: tensor.shape, values: values[tensor.name] ?? []))
        continue
      }
      if matrix.format != quantizer.format { twoBit.append(tensor.name) }
      sources.append(
        TensorSource(
          tensor.name + ".packed", shape: [linear.outputs, matrix.format.bytes(columns: linear.inputs)],
          bytes: matrix.bytes))
      sources.append(TensorSource(tensor.name + ".scale", shape: [1], values: [matrix.scale]))
    }
    var metadata = description.metadata
    metadata["format"] = Self.packedFormat
    metadata["version"] = Self.packedVersion
    metadata["two_bit"] = JSONValue.array(twoBit.sorted().map { .string($0) }).brief
    try SafetensorsFile.write(sources, metadata: metadata, to: path, in: files)
    return twoBit
  }

  /// Writes the weights that products see, scale times level, in float32.
  ///
  /// Throws `Refusal`, `FileError`, `OutOfMemory`.
  package func writeEffective(to path: String, _ team: Team, in files: any FileSystem) throws {
    try refuseBitNet()
    var metadata = description.withFullPrecision.metadata
    metadata["format"] = Self.torchFormat
    metadata[Kind.contentKey] = Kind.effective.content
    try SafetensorsFile.write(try effective(team), metadata: metadata, to: path, in: files)
  }

  private func effective(_ team: Team) throws -> [TensorSource] {
    let model = try model(team)
    let matrices = model.packedWeights.matrices
    let quantized = model.network.quantizedWeights
    return model.network.layout.tensors.enumerated().map { index, tensor in
      var values = values[tensor.name] ?? []
      if let (linear, _) = quantized[index], let matrix = matrices[linear.index] {
        let room = FloatStorage(count: max(1, values.count))
        let weights = room.matrix(rows: linear.outputs, columns: linear.inputs)
        matrix.weights(into: weights)
        values = withExtendedLifetime(room) { weights.array }
      }
      return TensorSource(tensor.name, shape: tensor.shape, values: values)
    }
  }

  private func refuseBitNet() throws(Refusal) {
    guard description.specification.precision != .full, description.specification.method == .bitNet else {
      return
    }
    throw Refusal(
      description:
        "its layers are bitnet's, which normalize and round their inputs: plain linear layers with the same "
        + "weights compute something else; take --format packed")
  }

  /// Writes a folder that transformers' `ViTForImageClassification.from_pretrained` loads.
  ///
  /// Throws `Refusal`, `FileError`, `OutOfMemory`.
  package func writeTransformers(to folder: String, _ team: Team, in files: any FileSystem) throws {
    try refuseBitNet()
    guard let vit = description.specification.architecture as? ViTSpecification else {
      throw Refusal(description: "it is no vision transformer: take --format safetensors")
    }
    let image = description.specification.image
    guard image.height == image.width else {
      throw Refusal(
        description:
          "its images are \(image.height)x\(image.width), and transformers' configs have square ones: take "
          + "--format safetensors")
    }
    let classes = 0..<description.specification.classes
    let config: JSONValue = [
      "architectures": ["ViTForImageClassification"], "attention_probs_dropout_prob": .number(0),
      "hidden_act": "gelu", "hidden_dropout_prob": .number(0), "hidden_size": .integer(vit.width),
      "id2label": .object(JSONObject(classes.map { JSONMember("\($0)", .string("\($0)")) })),
      "image_size": .integer(image.height), "intermediate_size": .integer(vit.mlpWidth),
      "label2id": .object(JSONObject(classes.map { JSONMember("\($0)", .integer($0)) })),
      "layer_norm_eps": .number(1e-12), "model_type": "vit", "num_attention_heads": .integer(vit.heads),
      "num_channels": .integer(image.channels), "num_hidden_layers": .integer(vit.layers),
      "patch_size": .integer(vit.patch), "qkv_bias": .bool(true), "torch_dtype": "float32",
    ]
    try files.createFolders(folder)
    try writeEffective(to: FilePath.join(folder, "model.safetensors"), team, in: files)
    // Last, so that a folder with a config is whole.
    try DurableFile.write(config.pretty + "\n", to: FilePath.join(folder, "config.json"), in: files)
  }
}
