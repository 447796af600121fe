import Experiments
import JSON
import Scheduler

/// `bitlab pause|resume|cancel|restart RUN or EXPERIMENT...`, or `--all`.
struct SteerVerb {
  let command: QueueCommand
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    guard arguments.all != !arguments.operands.isEmpty else {
      throw UsageError("\(command.rawValue) needs runs or experiments, or --all")
    }
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let answers = try client.request([
      "verb": .string(command.rawValue), "targets": .array(arguments.operands.map { .string($0) }),
      "all": .bool(arguments.all),
    ])
    if arguments.json {
      console.result(JSONValue.array(answers.map(JSONValue.object)).pretty)
    } else {
      for answer in answers {
        console.result("\(answer["run"]?.string ?? ""): \(answer["text"]?.string ?? "")")
      }
    }
    return ExitCode.done
  }
}
