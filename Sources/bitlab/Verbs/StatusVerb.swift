import Experiments
import Files
import Scheduler

/// `bitlab status [RUN or EXPERIMENT...]`: the runs that have not ended, why they wait, and the newest that have ended;
/// without a daemon, and with `--ended` every one that has, from the files.
struct StatusVerb {
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let results = ResultsFolder(arguments.results)
    guard ForeignFolder(results) == nil, let client = try DaemonClient.connect(results) else {
      let files = StatusFromFiles(results: results, files: POSIXFileSystem())
      let entries = try select(try files.entries(sayProblem: console.error))
      show(arguments.ended ? entries.filter(\.record.status.hasEnded) : entries, nil, files.source)
      return ExitCode.done
    }
    if arguments.ended {
      let files = StatusFromFiles(results: results, files: POSIXFileSystem())
      let entries = try select(try files.entries(sayProblem: console.error)).filter(\.record.status.hasEnded)
      show(entries, client.serverPID, "what has ended, from the files")
      return ExitCode.done
    }
    let request: ControlMessage = [
      "verb": "status", "targets": .array(arguments.operands.map { .string($0) }),
      "brief": .bool(!arguments.json),
    ]
    if arguments.json {
      showJSON(try client.texts(answering: request), pid: client.serverPID)
    } else {
      let rows = StatusRow.rows(in: try client.request(request))
      showTable(rows, client.serverPID.map { "the daemon is process \($0)" } ?? "the daemon answers")
    }
    return ExitCode.done
  }

  private func show(_ entries: [StatusEntry], _ pid: Int?, _ source: String) {
    if arguments.json {
      showJSON(entries.map(\.message.text), pid: pid)
    } else {
      showTable(entries.map { StatusRow($0) }, source)
    }
  }

  private func select(_ entries: [StatusEntry]) throws -> [StatusEntry] {
    let names = entries.map(\.record.experiment) + entries.map(\.name)
    let known = Set(names)
    for word in arguments.operands where !known.contains(word) {
      throw UsageError("\(UnknownTarget(word, among: names))")
    }
    let wanted = Set(arguments.operands)
    if !wanted.isEmpty {
      return entries.filter { wanted.contains($0.name) || wanted.contains($0.record.experiment) }
    }
    return arguments.ended ? entries : Self.withNewestEnds(entries)
  }

  /// What has not ended, and as many of the newest that have as a daemon remembers.
  private static func withNewestEnds(_ entries: [StatusEntry]) -> [StatusEntry] {
    let ends = entries.indices.filter { entries[$0].record.status.hasEnded }
    let newest = ends.sorted { (entries[$0].record.ended ?? "", $0) < (entries[$1].record.ended ?? "", $1) }
      .suffix(QueueState.mostRecentlyEnded)
    let hidden = Set(ends).subtracting(newest)
    return entries.indices.filter { !hidden.contains($0) }.map { entries[$0] }
  }

  /// Each run on a line of its own, as it was sent: there may be thousands.
  private func showJSON(_ runs: [String], pid: Int?) {
    let daemon = pid.map { "{\"pid\": \($0)}" } ?? "null"
    let list = runs.isEmpty ? "[]" : "[\n    " + runs.joined(separator: ",\n    ") + "\n  ]"
    console.result("{\n  \"daemon\": \(daemon),\n  \"runs\": \(list)\n}")
  }

  private func showTable(_ runs: [StatusRow], _ source: String) {
    console.info(source)
    if runs.isEmpty {
      console.info("no runs")
    } else {
      console.result(StatusTable.text(runs).joined(separator: "\n"))
    }
  }
}
