import Experiments
import JSON
import Scheduler

/// `bitlab watch [RUN or EXPERIMENT...]`: a live table of what runs, until Ctrl-C.
struct WatchVerb {
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let targets = JSONValue.array(arguments.operands.map { .string($0) })
    if arguments.json {
      showJSON(try client.request(["verb": "status", "targets": targets]))
      return ExitCode.done
    }
    try client.stream(["verb": "watch", "targets": targets]) { update in
      let lines = lines(update)
      if console.isInteractive {
        console.show(lines)
      } else if console.verbosity > .quiet {
        lines.forEach(console.line)
      }
      return true
    }
    return ExitCode.done
  }

  /// The one value that a program asked for is what there is now.
  private func showJSON(_ runs: [ControlMessage]) {
    func count(_ isMeant: (RunStatus) -> Bool) -> Int {
      runs.count { ($0["status"]?.string).flatMap(RunStatus.init(rawValue:)).map(isMeant) ?? false }
    }
    let shown = runs.filter { ["running", "paused"].contains($0["status"]?.string) }
    console.result(
      JSONValue.object([
        .init("runs", .array(shown.map(JSONValue.object))), .init("ended", .integer(count(\.hasEnded))),
        .init("total", .integer(runs.count)),
      ]).pretty)
  }

  private func lines(_ update: ControlMessage) -> [String] {
    let size = Console.size
    let runs = StatusRow.rows(in: [update])
    let table = StatusTable.text(Array(runs.prefix(max(1, size.rows - 4))), columns: size.columns)
    let underWay = update["under_way"]?.integer ?? runs.count
    let ended = update["ended"]?.integer ?? 0
    let total = update["total"]?.integer ?? 0
    let footer =
      "\(underWay) under way, \(max(0, total - ended - underWay)) waiting, \(ended) of \(total) ended"
    // A line that the terminal breaks would count as one and be two when it is drawn over.
    let shown = console.isInteractive ? String(footer.prefix(size.columns)) : footer
    return [console.styled(table[0], .bold)] + table.dropFirst() + [console.styled(shown, .dim)]
  }
}
