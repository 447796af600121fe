import Datasets
import Experiments
import Foundation
import JSON
import Networks

/// `bitlab validate CONFIG...`: checks configs and prints what they would run.
struct ValidateVerb {
  static let verb = Verb(
    "validate", "check configs and print the plan: runs, and what they take", .configs,
    options: [
      .set, .only,
      Option("estimate", \.estimates, true, "measure for a few seconds how long the runs will take here"),
      .jobs,
      .data,
    ],
    details: """
      Reports everything that is wrong with each file as path:line:column: error: ..., and trains nothing. What looks like a slip is a warning: limits beyond the data, batches larger than the data, a warm-up longer than a run, missing data, and plans that the daemon refuses.
      """,
    exitCodes: [
      (0, "all configs are right"), (2, "the command line is wrong, or what it sets"),
      (66, "there is no such file"), (78, "a config is wrong"),
    ]
  ) { try ValidateVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console

  /// A right config, and what is known of its runs.
  private struct Checked {
    var file: ConfigurationFile
    var experiment: Experiment
    var facts: PlanFacts
    var seconds: Double?
  }

  func run() throws -> Int32 {
    let (loaded, exitCode) = try ConfigurationFiles.load(arguments, console)
    let datasets = DatasetLibrary(DataFolder(arguments.data))
    var values: [JSONValue] = []
    for config in loaded {
      switch config.result {
      case .success(let experiment):
        let checked = try check(experiment, config.file, datasets, of: loaded.count)
        values.append(json(checked))
        if !arguments.json { console.outcome(text(checked)) }
        for warning in checked.facts.warnings {
          console.diagnostics("\(config.file.path): warning: \(warning)")
        }
      case .failure(let error): values.append(json(config.file, error))
      }
    }
    if arguments.json { console.result(JSONValue.array(values).pretty) }
    return exitCode
  }

  private func check(
    _ experiment: Experiment, _ file: ConfigurationFile, _ datasets: DatasetLibrary, of configs: Int
  ) throws -> Checked {
    let facts = PlanFacts(experiment, file, datasets)
    let chosen = facts.runs.filter { arguments.wants($0.plan.id) }
    let seconds =
      arguments.estimates ? try TimeEstimate(slots: arguments.slots, configs: configs).seconds(chosen) : nil
    return Checked(file: file, experiment: experiment, facts: facts, seconds: seconds)
  }

  private func text(_ config: Checked) -> String {
    let runs = config.facts.runs
    let rows = runs.map { run -> [String] in
      let row = [
        run.plan.id, String(run.plan.precision.rawValue),
        run.plan.precision == .full ? "-" : run.plan.method.rawValue,
        run.parameters.map(String.init) ?? "-", run.weightBytes.map(String.init) ?? "-",
        run.steps.map(String.init) ?? "-",
      ]
      return arguments.only.isEmpty ? row : row + [arguments.wants(run.plan.id) ? "begins" : "-"]
    }
    let heading =
      "\(config.file.path.inMessage()): \(config.experiment.name), \(runs.count) run\(runs.count == 1 ? "" : "s")"
    let only = arguments.only.isEmpty ? [] : ["--only"]
    let table = AlignedTable.lines(
      [["run", "bits", "method", "parameters", "weight bytes", "steps"] + only] + rows,
      isText: [true, false, true, false, false, false] + only.map { _ in true })
    return ([heading] + table + [totals(config)]).joined(separator: "\n")
  }

  private func totals(_ config: Checked) -> String {
    let facts = config.facts
    var parts: [String] = []
    let images = Set(facts.runs.map { [$0.trainImages, $0.validationImages] })
    if images.count == 1, let train = facts.runs[0].trainImages,
      let validation = facts.runs[0].validationImages
    {
      parts.append("\(train) training and \(validation) validation images")
    }
    if let steps = facts.total(\.steps) { parts.append("\(steps) steps in all") }
    if let disk = facts.total(\.diskBytes) {
      parts.append("about \(Summary.size(disk)) on disk")
    }
    let largest = facts.runs.max { ($0.memoryBytes ?? 0) < ($1.memoryBytes ?? 0) }
    if let largest, let memory = largest.memoryBytes, let checkpoints = largest.checkpointBytes {
      parts.append(
        "while a run trains up to \(Summary.size(checkpoints)) more, and \(Summary.size(memory)) of memory beside its data"
      )
    }
    if let seconds = config.seconds {
      let atOnce = min(arguments.slots, facts.runs.count { arguments.wants($0.plan.id) })
      let chosen = arguments.only.isEmpty ? "" : " for the runs that begin"
      parts.append(
        "about \(Summary.duration(seconds))\(chosen), \(atOnce == 1 ? "one run" : "\(atOnce) runs") at once on \(Machine.cores) "
          + (Machine.cores == 1 ? "core" : "cores"))
    }
    return parts.joined(separator: "; ")
  }

  private func json(_ config: Checked) -> JSONValue {
    .object([
      .init("file", .string(config.file.path)), .init("valid", .bool(true)),
      .init("experiment", .string(config.experiment.name)),
      .init("config_hash", .string(config.experiment.configHash)),
      .init("runs", .array(config.facts.runs.map(json))),
      .init("steps", .init(config.facts.total(\.steps))),
      .init("disk_bytes", .init(config.facts.total(\.diskBytes))),
      .init("estimated_seconds", .init(config.seconds)),
      .init("warnings", .array(config.facts.warnings.map { .string($0) })),
    ])
  }

  private func json(_ file: ConfigurationFile, _ error: ConfigurationError) -> JSONValue {
    let errors = error.diagnostics.map {
      JSONValue.object([
        .init("line", .integer($0.line)), .init("column", .integer($0.column)),
        .init("message", .string($0.message)),
      ])
    }
    return .object([
      .init("file", .string(file.path)), .init("valid", .bool(false)), .init("errors", .array(errors)),
    ])
  }

  private func json(_ run: PlanFacts.Run) -> JSONValue {
    .object([
      .init("run", .string(run.plan.id)), .init("variant", .string(run.plan.variant)),
      .init("seed", .integer(run.plan.seed)), .init("bits", .integer(run.plan.precision.rawValue)),
      .init("method", .init(run.plan.precision == .full ? nil : run.plan.method.rawValue)),
      .init("parameters", .init(run.parameters)), .init("weight_bytes", .init(run.weightBytes)),
      .init("train_images", .init(run.trainImages)), .init("validation_images", .init(run.validationImages)),
      .init("steps", .init(run.steps)), .init("memory_bytes", .init(run.memoryBytes)),
      .init("disk_bytes", .init(run.diskBytes)), .init("begins", .bool(arguments.wants(run.plan.id))),
    ])
  }
}
