import Experiments
import JSON
import Scheduler

/// `bitlab shutdown [--drain]`: checkpoints everything and ends the daemon; with `--drain` running runs end first.
struct ShutdownVerb {
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    guard arguments.operands.isEmpty else { throw UsageError("shutdown takes no arguments") }
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
