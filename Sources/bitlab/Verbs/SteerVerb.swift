import Experiments
import JSON
import Scheduler

/// `bitlab pause|resume|cancel|restart RUN or EXPERIMENT...`, or `--all`.
struct SteerVerb {
  let command: QueueCommand
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    guard arguments.all != !arguments.operands.isEmpty || arguments.failed && !arguments.all else {
      throw UsageError(
        "\(command.rawValue) needs runs or experiments, or --all"
          + (command == .restart ? ", or --failed" : ""))
    }
    if arguments.failed, command != .restart { throw UsageError("--failed is for restart alone") }
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let answers = try answers(client, isSure: arguments.isSure)
    if answers.isEmpty, !arguments.json {
      console.info(arguments.failed ? "no run has failed or diverged" : "no runs")
    }
    if arguments.json {
      console.result(JSONValue.array(answers.map(JSONValue.object)).pretty)
    } else {
      for answer in answers {
        console.result("\(answer["run"]?.string ?? ""): \(answer["text"]?.string ?? "")")
      }
    }
    return ExitCode.done
  }

  private func answers(_ client: DaemonClient, isSure: Bool) throws -> [ControlMessage] {
    do {
      return try client.request([
        "verb": .string(command.rawValue), "targets": .array(arguments.operands.map { .string($0) }),
        "all": .bool(arguments.all || arguments.operands.isEmpty), "failed": .bool(arguments.failed),
        "sure": .bool(isSure),
      ])
    } catch let failure as DaemonFailure where failure.isQuestion && !isSure {
      try console.confirm(failure.description)
      return try answers(client, isSure: true)
    }
  }
}
