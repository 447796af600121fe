import Experiments
import Files
import Foundation
import JSON
import Scheduler

/// `bitlab submit CONFIG...`: hands configs to the daemon.
struct SubmitVerb {
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    guard !arguments.operands.isEmpty else { throw UsageError("submit needs at least one config") }
    let (loaded, exitCode) = ConfigurationFiles.load(arguments.operands, console)
    guard exitCode == ExitCode.done else {
      console.info("nothing submitted")
      return exitCode
    }
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let configs = loaded.map { config -> JSONValue in
      [
        // The daemon has a folder of its own to be in.
        "path": .string(FilePath.absolute(config.file.path)),
        "text": .string(String(decoding: config.file.bytes, as: UTF8.self)),
      ]
    }
    let receipts = try client.request([
      "verb": "submit", "configs": .array(configs), "reuse": .bool(!arguments.trainsAll),
    ])
    if arguments.json {
      console.result(JSONValue.array(receipts.map(JSONValue.object)).pretty)
    } else {
      for receipt in receipts { console.result(receipt["text"]?.string ?? "") }
    }
    return receipts.contains { $0["outcome"] == "refused" } ? ExitCode.configuration : ExitCode.done
  }
}
