import Experiments
import Foundation
import JSON
import Testing

/// The folder of the experiments that come with the program.
private let configs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("configs")

/// `configs/experiment.schema.json` says what the key table says.
@Suite struct ConfigurationSchemaTests {
  private let schema: JSONValue

  init() throws {
    let file = try ConfigurationFile(reading: configs.appendingPathComponent("experiment.schema.json").path)
    let outcome = ConfigurationText(parsing: file.bytes)
    #expect(outcome.diagnostics.isEmpty)
    schema = try #require(outcome.root?.value)
  }

  /// The schema of an object of the file, by its name in the key table.
  private func object(_ section: String) -> JSONValue? {
    switch section {
    case "": schema
    case "variants": schema["$defs"]?["variant"]
    case "training.early_stopping": schema["$defs"]?["training"]?["properties"]?["early_stopping"]
    default: schema["$defs"]?[section]
    }
  }

  private func keys(_ json: JSONValue?) -> Set<String> {
    guard let members = json?.object?.members else { return [] }
    return Set(members.map(\.key))
  }

  private func strings(_ json: JSONValue?) -> [String] {
    guard let items = json?.array else { return [] }
    return items.map(\.summary)
  }

  private static let sections = ["", "dataset", "model", "training", "training.early_stopping", "variants"]

  @Test(arguments: sections)
  func objectsHaveTheSameKeys(section: String) throws {
    let object = try #require(self.object(section))
    let table = ConfigurationSchema.keys(of: section)
    #expect(keys(object["properties"]) == Set(table.map(\.name)))
    #expect(object["additionalProperties"]?.summary == "false")
    let required = table.filter { $0.fallback == .required && $0.condition == nil }
    #expect(Set(strings(object["required"])) == Set(required.map(\.name.inQuotes)))
  }

  @Test func everyKeyHasTheSameTypeBoundsDefaultAndDescription() throws {
    for key in ConfigurationSchema.keys {
      let entry = try #require(object(key.section)?["properties"]?[key.name], "\(key.path)")
      #expect(entry["description"] == .string(key.summary), "\(key.path)")
      check(entry, takes: key.type, key.path)
      if case .value(let value) = key.fallback {
        #expect(entry["default"].map(compact) == value.json.canonical, "\(key.path)")
      } else {
        #expect(entry["default"] == nil, "\(key.path)")
      }
    }
  }

  private func compact(_ json: JSONValue) -> String {
    switch json {
    case .array(let items): "[" + items.map(compact).joined(separator: ",") + "]"
    case .numeral(let number): JSONScalar.number(number.value).text
    default: json.summary
    }
  }

  private func check(_ entry: JSONValue, takes type: ValueType, _ path: String) {
    func number(_ name: String) -> Double? {
      entry[name]?.number
    }
    switch type {
    case .boolean: #expect(entry["type"] == .string("boolean"), "\(path)")
    case .integer(let range):
      #expect(entry["type"] == .string("integer"), "\(path)")
      #expect(number("minimum") == Double(range.lowerBound), "\(path)")
      #expect(number("maximum") == Double(range.upperBound), "\(path)")
    case .number(let range):
      #expect(entry["type"] == .string("number"), "\(path)")
      #expect(number("exclusiveMinimum") == range.above, "\(path)")
      #expect(number("minimum") == range.atLeast, "\(path)")
      #expect(number("exclusiveMaximum") == range.below, "\(path)")
      #expect(number("maximum") == range.atMost, "\(path)")
    case .choice(let choices): #expect(strings(entry["enum"]) == choices.map(\.inQuotes), "\(path)")
    case .integerChoice(let choices): #expect(strings(entry["enum"]) == choices.map { "\($0)" }, "\(path)")
    case .name(let taken):
      #expect(entry["pattern"] == .string("^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"), "\(path)")
      #expect(strings(entry["not"]?["enum"]) == taken.map(\.inQuotes), "\(path)")
    case .path: #expect(entry["type"] == .string("string"), "\(path)")
    case .list(let element, let minimumCount, let distinct):
      #expect(entry["type"] == .string("array"), "\(path)")
      #expect((number("minItems") ?? 0) == Double(minimumCount), "\(path)")
      #expect((entry["uniqueItems"] == .bool(true)) == distinct, "\(path)")
      if let items = entry["items"] { check(items, takes: element, path) }
    case .oneOrList: #expect(keys(entry).contains("anyOf"), "\(path)")
    case .section, .grid:
      #expect(entry["type"] == .string("object") || entry["$ref"] != nil, "\(path)")
    case .variants: #expect(entry["items"]?["$ref"] == .string("#/$defs/variant"), "\(path)")
    case .anything: #expect(entry["type"] == nil, "\(path)")
    }
  }

  @Test func theGridHasTheSameAxes() {
    #expect(keys(object("grid")?["properties"]) == Set(ConfigurationSchema.gridAxes.map(\.path)))
  }

  @Test func conditionalKeysAreRequiredWhereTheTableSaysSo() {
    func required(_ choice: String) -> [String] {
      ConfigurationSchema.keys.filter { $0.condition?.choices == [choice] && $0.fallback == .required }.map(
        \.name.inQuotes)
    }
    #expect(strings(object("model")?["then"]?["required"]) == required("vit"))
    #expect(strings(object("model")?["else"]?["required"]) == required("mlp"))
    #expect(strings(object("dataset")?["then"]?["required"]) == required("idx"))
  }
}

/// The experiments that come with the program.
@Suite struct ShippedConfigurationTests {
  private func experiment(_ name: String) throws -> Experiment {
    let file = try ConfigurationFile(reading: configs.appendingPathComponent("\(name).json").path)
    return try Experiment(file, physicalMemory: Experiment.memory)
  }

  @Test func allParseUnderTheirOwnName() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: configs.path)
      .filter { $0.hasSuffix(".json") && $0 != "experiment.schema.json" }.map { String($0.dropLast(5)) }
    #expect(names.count >= 8)
    for name in names {
      let experiment = try experiment(name)
      #expect(experiment.name == name)
      #expect(experiment.variants.map(\.precision) == [.full, .ternary, .binary])
      let text = try String(contentsOf: configs.appendingPathComponent("\(name).json"), encoding: .utf8)
      #expect(text.hasPrefix("{\n  \"$schema\": \"./experiment.schema.json\",\n"))
    }
  }

  /// Parameters as the article's networks have them in PyTorch, to three digits.
  @Test(arguments: [("mnist-ffn", "1.02e5"), ("fashion-mnist-vit", "8.05e5"), ("cifar100-vit", "1.09e6")])
  func sizesAreTheArticles(name: String, parameters: String) throws {
    let file = try ConfigurationFile(reading: configs.appendingPathComponent("\(name).json").path)
    #expect {
      _ = try Experiment(file, physicalMemory: 1)
    } throws: { error in
      "\(error)".contains("the model has \(parameters) parameters")
    }
  }

  @Test(arguments: ["mnist-ffn", "fashion-mnist-vit", "cifar100-vit"])
  func theArticlesSettings(name: String) throws {
    let experiment = try experiment(name)
    #expect(experiment.training.epochs == 10)
    #expect(experiment.training.batchSize == 128)
    #expect(!experiment.training.shuffle)
    #expect(experiment.variants.map(\.training.learningRate) == [1e-3, 1e-4, 1e-4])
    #expect(experiment.dataset.normalize == (name == "mnist-ffn" ? .unit : .half))
    #expect(experiment.seeds == (name == "mnist-ffn" ? [0, 1, 2, 3, 4] : [0]))
  }

  /// In a fair twin nothing but the precision tells the variants apart.
  @Test(arguments: ["mnist-ffn", "fashion-mnist-vit", "cifar100-vit"])
  func fairTwinsDifferInPrecisionAlone(name: String) throws {
    let twin = try experiment("\(name)-fair")
    #expect(Set(twin.variants.map(\.training)).count == 1)
    #expect(Set(twin.variants.map(\.model)).count == 1)
    #expect(twin.model.initialization == .uniform)
    #expect(twin.training.shuffle)
    #expect(twin.dataset == (try experiment(name)).dataset)
  }

  @Test func aMissingFileIsToldFromABrokenOne() {
    #expect(
      throws: ConfigurationFileError(path: "/no/such.json", isMissing: true, reason: "there is no such file")
    ) {
      try ConfigurationFile(reading: "/no/such.json")
    }
    #expect(
      throws: ConfigurationFileError(
        path: "/", isMissing: false, reason: "the file cannot be read: Is a directory")
    ) {
      try ConfigurationFile(reading: "/")
    }
    #expect(ConfigurationFile(path: "a/b/c.json", bytes: []).folder == "a/b")
    #expect(ConfigurationFile(path: "c.json", bytes: []).folder == ".")
    #expect(ConfigurationFile(path: "/c.json", bytes: []).folder == "/")
  }
}
