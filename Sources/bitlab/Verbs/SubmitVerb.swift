import Experiments
import Files
import Foundation
import JSON
import Scheduler

/// `bitlab submit CONFIG...`: hands configs to the daemon.
struct SubmitVerb {
  static let verb = Verb(
    "submit", "hand configs to the daemon", .configs, options: [.set, .only, .noReuse, .results],
    details: """
      The same config again is recognized: what completed or diverged is left alone, what failed or was cancelled goes on. The same name with more seeds, variants or grid values continues the experiment. --no-reuse trains runs whose equals have completed under these results.
      """,
    exitCodes: [
      (0, "accepted or known"), (2, "the command line is wrong, or what it sets"),
      (66, "there is no such file"), (69, "no daemon runs"),
      (78, "a config is wrong, and none was submitted"),
    ]
  ) { try SubmitVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let (loaded, exitCode) = try ConfigurationFiles.load(arguments, console)
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
        "set": .init(config.file.overrides.text),
      ]
    }
    let receipts = try client.request([
      "verb": "submit", "configs": .array(configs), "reuse": .bool(!arguments.trainsAll),
      "only": .array(arguments.only.map { .string($0.text) }),
    ])
    if arguments.json {
      console.result(JSONValue.array(receipts.map(JSONValue.object)).pretty)
    } else {
      for receipt in receipts {
        let text = receipt["text"]?.string ?? ""
        if receipt["outcome"] == "refused" { console.result(text) } else { console.outcome(text) }
      }
    }
    return receipts.contains { $0["outcome"] == "refused" } ? ExitCode.configuration : ExitCode.done
  }
}
