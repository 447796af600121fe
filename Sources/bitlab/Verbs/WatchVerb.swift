import Experiments
import Scheduler

/// `bitlab watch [RUN or EXPERIMENT...]`: a live table of what runs, until Ctrl-C.
struct WatchVerb {
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    var drawn = 0
    let request: ControlMessage = [
      "verb": "watch", "targets": .array(arguments.operands.map { .string($0) }),
      "brief": .bool(!arguments.json),
    ]
    try client.stream(request) { update in
      if arguments.json {
        // The one value that a program asked for is what there is now.
        console.result(update.orderedJSON.pretty)
        return false
      }
      let lines = lines(update)
      if console.isInteractive {
        console.draw((drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : "") + lines.map { $0 + "\n" }.joined())
        drawn = lines.count
      } else {
        lines.forEach(console.info)
      }
      return true
    }
    return ExitCode.done
  }

  private func lines(_ update: ControlMessage) -> [String] {
    let size = Console.size
    let runs = StatusRow.rows(in: [update])
    let table = StatusTable.text(Array(runs.prefix(max(1, size.rows - 4))), columns: size.columns)
    let ended = update["ended"]?.integer ?? 0
    let total = update["total"]?.integer ?? 0
    let footer =
      "\(runs.count) under way, \(max(0, total - ended - runs.count)) waiting, \(ended) of \(total) ended"
    return [console.styled(table[0], .bold)] + table.dropFirst() + [console.styled(footer, .dim)]
  }
}
