import Experiments
import JSON
import Scheduler

/// `bitlab shutdown [--drain]`: checkpoints everything and ends the daemon; with `--drain` running runs end first.
struct ShutdownVerb {
  static let verb = Verb(
    "shutdown", "checkpoint everything and end the daemon", .none,
    options: [
      Option("drain", \.drains, true, "begin nothing more, and end when what runs has ended"), .results,
    ],
    details: "Without --drain running runs are checkpointed, and go on at the next start.",
    exitCodes: [(69, "no daemon runs")]
  ) { try ShutdownVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let answer = try client.request(["verb": "shutdown", "drain": .bool(arguments.drains)])
    let pid = answer.last?["pid"] ?? .null
    if arguments.json {
      console.result(JSONValue.object([.init("pid", pid)]).pretty)
    } else {
      let what = arguments.drains ? "ends when what runs has ended" : "checkpoints everything and ends"
      console.info("the daemon, process \(pid.integer ?? 0), \(what)")
    }
    return ExitCode.done
  }
}
