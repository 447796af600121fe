import Experiments
import JSON
import Scheduler

/// `bitlab pause|resume|cancel|restart RUN or EXPERIMENT...`, or `--all`.
struct SteerVerb {
  static let pause = verb(.pause, "stop runs at a checkpoint until they are resumed")
  static let resume = verb(.resume, "let paused runs go on")
  static let cancel = verb(.cancel, "end runs for good")
  static let restart = verb(
    .restart, "begin ended runs again, from nothing",
    [.failed, .yes],
    details: """
      A restarted run trains, also where an equal one has completed. Runs that have completed begin again only after a yes on the terminal, or with --yes.
      """)

  private static func verb(
    _ command: QueueCommand, _ summary: String, _ options: [Option] = [], details: String? = nil
  ) -> Verb {
    Verb(
      command.rawValue, summary, .targetsOrAll, options: [.allRuns] + options + [.results],
      details:
        "RUN is <experiment>/<run id>; an experiment means all its runs. What cannot be done is said and "
        + "changes nothing." + (details.map { "\n" + $0 } ?? ""),
      exitCodes: [
        (0, "done, or said why not"), (2, command == .restart ? "no such run, or no yes" : "no such run"),
        (69, "no daemon runs"),
      ]
    ) { try SteerVerb(command: command, arguments: $0, console: $1).run() }
  }

  let command: QueueCommand
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    guard arguments.all != !arguments.operands.isEmpty || arguments.failed && !arguments.all else {
      throw UsageError(
        "\(command.rawValue) needs runs or experiments, or --all"
          + (command == .restart ? ", or --failed" : ""))
    }
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let answers = try answers(client, isSure: arguments.isSure)
    if answers.isEmpty, !arguments.json {
      console.info(arguments.failed ? "no run has failed or diverged" : "no runs")
    }
    if arguments.json {
      console.result(JSONValue.array(answers.map(JSONValue.object)).pretty)
    } else {
      for answer in answers {
        console.outcome("\(answer["run"]?.string ?? ""): \(answer["text"]?.string ?? "")")
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
