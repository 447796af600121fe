import Datasets
import Experiments
import Files
import Foundation
import JSON
import TensorCore

/// `bitlab evaluate MODEL --dataset NAME`: what a model in a file makes of a data set's validation images.
struct EvaluateVerb {
  static let verb = Verb(
    "evaluate", "evaluate a model file on a data set's validation images", Operands("MODEL", .file, 1...1),
    options: [
      Option(
        "dataset",
        OptionValue("NAME", "a data set", .choices(names)) {
          names.contains($0) ? DatasetName(rawValue: $0) : nil
        },
        \.dataset, "the data set, " + names.joined(separator: ", ")),
      Option(
        "validation-limit",
        OptionValue("N", "a number of images from 1 on") { Int($0).flatMap { $0 > 0 ? $0 : nil } },
        \.validationLimit, "only the first so many images"),
      .data,
    ],
    details: """
      MODEL is a file of `bitlab export --format packed` or a run's model.safetensors: quantized layers are computed from packed weights either way. Prints accuracy, loss and, for up to 20 classes, how many images of each class (a line) were taken for each (a column); with --json for any number.
      """,
    exitCodes: [
      (0, "done"), (2, "the data set is not for the model"),
      (65, "the model or the data are damaged or missing"),
    ]
  ) { try EvaluateVerb(arguments: $0, console: $1).run() }

  private static let names = DatasetName.allCases.filter { $0.facts != nil }.map(\.rawValue)
  /// Columns of classes that a terminal has room for.
  private static let mostClasses = 20

  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  func run() throws -> Int32 {
    let path = arguments.operands[0]
    guard let name = arguments.dataset else {
      throw UsageError("evaluate needs --dataset " + Self.names.joined(separator: "|"))
    }
    do {
      let bytes = try files.readAll(path)
      let model = try WeightFile(decoding: bytes, from: path)
      let dataset = try Dataset.load(
        DatasetSource(name, trainLimit: nil, validationLimit: arguments.validationLimit),
        in: DataFolder(arguments.data))
      for notice in dataset.notices { console.info("\(name.rawValue): \(notice)") }
      let evaluation = try model.evaluate(on: dataset, Team(pool: ComputePool(cores: Machine.cores)))
      report(evaluation, model, path: path, bytes: bytes.count, name)
      return ExitCode.done
    } catch let mismatch as WeightFile.Mismatch {
      throw UsageError("\(path): \(mismatch)")
    } catch  where error is FileContentError || error is FileError || error is DatasetError {
      console.error("\(error)")
      return ExitCode.data
    }
  }

  private func report(
    _ result: Evaluation, _ model: WeightFile, path: String, bytes: Int, _ name: DatasetName
  ) {
    let rate = Double(result.images) / max(result.seconds, 1e-9)
    if arguments.json {
      console.result(
        JSONObject([
          .init("model", .string(path)), .init("description", .string(model.description.summary)),
          .init("dataset", .string(name.rawValue)), .init("images", .integer(result.images)),
          .init("accuracy", .init(result.accuracy)), .init("loss", .init(result.loss)),
          .init("images_per_second", .init(rate)), .init("weight_bytes", .integer(model.weightBytes)),
          .init("file_bytes", .integer(bytes)),
          .init(
            "confusion", .array(result.confusion.map { .array($0.map(JSONValue.integer)) })),
        ]).pretty)
      return
    }
    var lines = [
      "\(path): \(model.description.summary), \(bytes) bytes",
      "\(name.rawValue): \(result.images) images, \(String(format: "%.0f", rate)) a second",
      "accuracy \(result.accuracy)", "loss \(result.loss)",
    ]
    let classes = result.confusion.count
    if classes <= Self.mostClasses {
      let header = ["class"] + (0..<classes).map(String.init)
      let rows = result.confusion.enumerated().map { ["\($0)"] + $1.map(String.init) }
      lines += [""] + AlignedTable.lines([header] + rows, isText: header.map { _ in false })
    }
    console.result(lines.joined(separator: "\n"))
  }
}
