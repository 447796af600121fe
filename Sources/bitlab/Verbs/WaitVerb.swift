import Experiments
import JSON
import Scheduler

/// `bitlab wait [RUN or EXPERIMENT...]`: returns when they have ended, all of them for none named.
struct WaitVerb {
  static let verb = Verb(
    "wait", "return when runs have ended", .targets, options: [.results],
    details: "Without arguments waits for everything.",
    exitCodes: [
      (0, "all completed or were cancelled"), (1, "one failed or diverged"),
      (69, "no daemon runs, or it ended first, by a shutdown too"),
    ]
  ) { try WaitVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let responses = try client.request([
      "verb": "wait", "targets": .array(arguments.operands.map { .string($0) }),
    ])
    let runs = StatusRow.rows(in: responses)
    if arguments.json {
      let lines = runs.map { run in
        JSONValue.object([
          .init("experiment", .string(run.experiment)), .init("run", .string(run.run)),
          .init("status", .string(run.status.rawValue)),
        ])
      }
      console.result(JSONValue.array(lines).pretty)
    } else {
      for run in runs {
        // One that nobody will bring to its end.
        let waiting = run.status.hasEnded ? "" : run.remark.map { "; waits for \($0)" } ?? ""
        console.info("\(run.name): \(run.status.rawValue)\(waiting)")
      }
    }
    let isGood = runs.allSatisfy { $0.status.hasEnded && !$0.status.hasFailed }
    return isGood ? ExitCode.done : ExitCode.failure
  }
}
