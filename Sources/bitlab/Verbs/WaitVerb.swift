import Experiments
import Scheduler

/// `bitlab wait [RUN or EXPERIMENT...]`: returns when they have ended, all of them for none named.
struct WaitVerb {
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let runs = try client.request([
      "verb": "wait", "targets": .array(arguments.operands.map { .string($0) }),
    ])
    if arguments.json {
      let lines = runs.map { run in
        OrderedJSON.object([
          .init("experiment", run["experiment"]?.orderedJSON ?? .null),
          .init("run", run["run"]?.orderedJSON ?? .null),
          .init("status", run["status"]?.orderedJSON ?? .null),
        ])
      }
      console.result(OrderedJSON.array(lines).pretty)
    } else {
      for run in runs {
        console.info(
          "\(run["experiment"]?.string ?? "")/\(run["run"]?.string ?? ""): \(run["status"]?.string ?? "")")
      }
    }
    let failed = runs.contains { ["failed", "diverged"].contains($0["status"]?.string) }
    return failed ? ExitCode.failure : ExitCode.done
  }
}
