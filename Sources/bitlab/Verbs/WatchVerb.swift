import Experiments
import JSON
import Scheduler

/// `bitlab watch [RUN or EXPERIMENT...]`: a live table of what runs, until Ctrl-C.
struct WatchVerb {
  static let verb = Verb(
    "watch", "a live table of what the daemon runs", .targets, options: [.results],
    details: "Until Ctrl-C. With --json prints what there is now and ends.",
    exitCodes: [(69, "no daemon runs, or it has ended")]
  ) { try WatchVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let client = try DaemonClient.required(ResultsFolder(arguments.results))
    let targets = JSONValue.array(arguments.operands.map { .string($0) })
    if arguments.json {
      showJSON(try client.request(["verb": "status", "targets": targets]))
      return ExitCode.done
    }
    var table = RunTable()
    var shown: [String] = []
    try console.showingFrames {
      try client.stream(["verb": "watch", "targets": targets]) { update in
        let lines = lines(update, in: &table)
        if console.isInteractive {
          console.show(lines)
        } else if console.verbosity > .quiet, lines != shown {
          lines.forEach(console.line)
        }
        shown = lines
        return true
      }
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

  private func lines(_ update: ControlMessage, in table: inout RunTable) -> [String] {
    func count(_ key: String) -> Int { update[key]?.integer ?? 0 }
    let totals = RunTable.Totals(
      running: count("running"), paused: count("paused"), waiting: count("waiting"), ended: count("ended"),
      secondsLeft: update["seconds_left"]?.number)
    // Whoever keeps the lines wants them whole.
    let size = console.isInteractive ? Console.size : (columns: .max, rows: .max)
    return console.styledTable(
      table.lines(StatusRow.rows(in: [update]), totals, columns: size.columns, rows: size.rows))
  }
}
