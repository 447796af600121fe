import Experiments
import Foundation
import JSON
import Networks

/// `bitlab validate CONFIG...`: checks configs and prints what they would run.
struct ValidateVerb {
  private let arguments: Arguments
  private let console: Console

  init(_ arguments: Arguments, _ console: Console) {
    self.arguments = arguments
    self.console = console
  }

  func run() throws -> Int32 {
    guard !arguments.operands.isEmpty else { throw UsageError("validate needs at least one config") }
    let (loaded, exitCode) = ConfigurationFiles.load(arguments.operands, console)
    if arguments.json {
      console.result(JSONValue.array(loaded.map(json)).pretty)
    } else {
      for config in loaded {
        if case .success(let experiment) = config.result { console.result(text(experiment, config.file)) }
      }
    }
    return exitCode
  }

  /// A run of the plan with what its network takes; nil sizes where only the data files can tell.
  private struct Line {
    var run: RunPlan
    var parameters: Int?
    var weightBytes: Int?
  }

  private func lines(_ experiment: Experiment) -> [Line] {
    Plan(experiment).runs.map { run in
      guard let image = run.dataset.name.image, let classes = run.dataset.name.classes else {
        return Line(run: run)
      }
      let network = run.networkSpecification(image: image, classes: classes).network(shardImages: 1)
      return Line(run: run, parameters: network.layout.parameterCount, weightBytes: network.weightBytes)
    }
  }

  private func text(_ experiment: Experiment, _ file: ConfigurationFile) -> String {
    let lines = lines(experiment)
    let rows = lines.map { line in
      [
        line.run.id, String(line.run.precision.rawValue),
        line.run.precision == .full ? "-" : line.run.method.rawValue,
        line.parameters.map(String.init) ?? "-", line.weightBytes.map(String.init) ?? "-",
      ]
    }
    let heading =
      "\(file.path.inMessage()): \(experiment.name), \(lines.count) run\(lines.count == 1 ? "" : "s")"
    let table = AlignedTable.lines(
      [["run", "bits", "method", "parameters", "weight bytes"]] + rows,
      isText: [true, false, true, false, false])
    return ([heading] + table).joined(separator: "\n")
  }

  private func json(_ config: ConfigurationFiles.Loaded) -> JSONValue {
    switch config.result {
    case .success(let experiment):
      return .object([
        .init("file", .string(config.file.path)), .init("valid", .bool(true)),
        .init("experiment", .string(experiment.name)), .init("config_hash", .string(experiment.configHash)),
        .init("runs", .array(lines(experiment).map(json))),
      ])
    case .failure(let error):
      let errors = error.diagnostics.map {
        JSONValue.object([
          .init("line", .integer($0.line)), .init("column", .integer($0.column)),
          .init("message", .string($0.message)),
        ])
      }
      return .object([
        .init("file", .string(config.file.path)), .init("valid", .bool(false)),
        .init("errors", .array(errors)),
      ])
    }
  }

  private func json(_ line: Line) -> JSONValue {
    .object([
      .init("run", .string(line.run.id)), .init("variant", .string(line.run.variant)),
      .init("seed", .integer(line.run.seed)), .init("bits", .integer(line.run.precision.rawValue)),
      .init("method", .init(line.run.precision == .full ? nil : line.run.method.rawValue)),
      .init("parameters", .init(line.parameters)), .init("weight_bytes", .init(line.weightBytes)),
    ])
  }
}
