import Datasets
import Files
import JSON
import Networks
import TensorCore

/// What a weight file says of itself: all that is needed to compute with it, and nothing of where it came from.
///
/// It is the file's metadata, a map of strings:
///
///     architecture  the config's `model` object, complete
///     bits          32, 2 or 1
///     method        simple-bitnet or bitnet; not there for 32 bits
///     dataset       {"name", "normalize", "white_level", "image": [channels, height, width], "classes"}
///     numerics      the version of the arithmetic that trained it
package struct ModelDescription: Sendable, Hashable {
  package var specification: NetworkSpecification
  package var dataset: Preparation
  package var numerics: Int
  /// The config's `model` object.
  private let architecture: JSONObject

  /// How the images were made ready, and which they were.
  package struct Preparation: Sendable, Hashable {
    package var name: DatasetName
    package var normalize: Normalization
    /// The largest value of a pixel.
    package var whiteLevel: UInt8
  }

  /// A run's on its data.
  init(_ plan: RunPlan, _ specification: NetworkSpecification, whiteLevel: UInt8) {
    self.specification = specification
    dataset = Preparation(
      name: plan.dataset.name, normalize: plan.dataset.normalize, whiteLevel: whiteLevel)
    numerics = RunIdentity.numerics(plan)
    architecture = JSONObject(
      ConfigurationSchema.modelKeys.compactMap { key in
        plan.settings[key.path].map { JSONMember(key.name, $0.json) }
      })
  }

  /// The same with full-precision weights, as those that products see.
  var withFullPrecision: ModelDescription {
    var other = self
    other.specification.precision = .full
    return other
  }

  package var metadata: [String: String] {
    let image = specification.image
    let dataset: JSONValue = [
      "name": .string(dataset.name.rawValue), "normalize": .string(dataset.normalize.rawValue),
      "white_level": .integer(Int(dataset.whiteLevel)),
      "image": [.integer(image.channels), .integer(image.height), .integer(image.width)],
      "classes": .integer(specification.classes),
    ]
    var metadata = [
      "architecture": JSONValue.object(architecture).brief, "bits": "\(specification.precision.rawValue)",
      "dataset": dataset.brief, "numerics": "\(numerics)",
    ]
    if specification.precision != .full { metadata["method"] = specification.method.rawValue }
    return metadata
  }

  /// In words: `2-bit bitnet vit for 10 classes of 1x28x28`.
  package var summary: String {
    let image = specification.image
    let precision =
      specification.precision == .full
      ? "full-precision" : "\(specification.precision.rawValue)-bit \(specification.method.rawValue)"
    return
      "\(precision) \(type(of: specification.architecture).type) for \(specification.classes) classes of "
      + "\(image.channels)x\(image.height)x\(image.width)"
  }
}

// MARK: - Reading

extension ModelDescription {
  /// What is wrong with metadata, as a sentence's end.
  struct Defect: Error {
    var problem: String
  }

  /// Reads a file's metadata. Whatever they say, it returns or throws.
  init(_ metadata: [String: String]) throws(Defect) {
    func text(_ key: String) throws(Defect) -> String {
      guard let text = metadata[key] else { throw Defect(problem: "its metadata have no \(key.quoted)") }
      return text
    }
    func whole(_ key: String) throws(Defect) -> Int {
      guard let value = Int(try text(key)) else {
        throw Defect(
          problem: "its metadata's \(key.quoted) is \(try text(key).quoted), expected a whole number")
      }
      return value
    }
    guard let precision = WeightPrecision(rawValue: try whole("bits")) else {
      throw Defect(problem: "its metadata's \"bits\" are \(try whole("bits")), expected 32, 2 or 1")
    }
    var method = QuantizationMethod.simpleBitNet
    if precision != .full {
      guard let found = QuantizationMethod(rawValue: try text("method")) else {
        throw Defect(
          problem: "its metadata's \"method\" is \(try text("method").quoted), expected "
            + QuantizationMethod.allCases.map(\.rawValue.quoted).joinedAsChoice)
      }
      method = found
    }
    numerics = try whole("numerics")
    let (object, model) = try Self.model(try text("architecture"))
    architecture = object
    let (preparation, image, classes) = try Self.dataset(try text("dataset"))
    dataset = preparation
    if let problem = model.architecture.problem(image: image) {
      throw Defect(problem: "its metadata's \"architecture\" and \"dataset\" do not agree: \(problem)")
    }
    specification = NetworkSpecification(
      architecture: model.architecture, image: image, classes: classes, precision: precision,
      method: method, initialization: model.initialization)
  }

  private static func model(_ text: String) throws(Defect) -> (JSONObject, ModelConfiguration) {
    let outcome = JSONParser.parse(Array(text.utf8), as: ConfigurationText.syntax)
    guard outcome.problems.isEmpty, let root = outcome.root, let object = root.value.object else {
      throw Defect(problem: "its metadata's \"architecture\" is not a JSON object")
    }
    let reader = ConfigurationReader(model: root)
    if let diagnostic = reader.diagnostics.first {
      throw Defect(problem: "its metadata's \(diagnostic.message)")
    }
    let values = ConfigurationValues(reader.settings.values { _ in true }).filled(
      from: ConfigurationSchema.modelKeys)
    // Which keys a type needs the reader does not know.
    let missing = ConfigurationSchema.modelKeys.first { key in
      key.fallback == .required && values[key.path] == nil
        && (key.condition.map { $0.choices.contains(values["model.type"]?.string ?? "") } ?? true)
    }
    if let missing {
      throw Defect(problem: "its metadata's \"architecture\" has no \(missing.name.quoted)")
    }
    return (object, ModelConfiguration(values))
  }

  private static func dataset(_ text: String) throws(Defect) -> (Preparation, ImageShape, Int) {
    var syntax = JSONSyntax()
    syntax.duplicateKeys = .reported
    let outcome = JSONParser.parse(Array(text.utf8), as: syntax)
    guard outcome.problems.isEmpty, let object = outcome.value?.object,
      let name = object["name"]?.string.flatMap(DatasetName.init(rawValue:)),
      let normalize = object["normalize"]?.string.flatMap(Normalization.init(rawValue:)),
      let white = object["white_level"]?.integer, (1...255).contains(white),
      let sides = object["image"]?.array?.compactMap(\.integer), sides.count == 3,
      sides.allSatisfy({ (1...largestSide).contains($0) }),
      let classes = object["classes"]?.integer, (1...largestSide).contains(classes)
    else {
      throw Defect(
        problem:
          "its metadata's \"dataset\" is not an object of name, normalize, white_level, image and classes"
      )
    }
    return (
      Preparation(name: name, normalize: normalize, whiteLevel: UInt8(white)),
      ImageShape(channels: sides[0], height: sides[1], width: sides[2]), classes
    )
  }

  /// No image of ours has a side, and no data set so many classes, as this.
  private static let largestSide = 65_536
}
