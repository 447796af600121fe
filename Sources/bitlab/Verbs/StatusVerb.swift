import Experiments
import Files
import Scheduler

/// `bitlab status [RUN or EXPERIMENT...]`: every run, and why it waits; without a daemon from the files.
struct StatusVerb {
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let results = ResultsFolder(arguments.results)
    guard ForeignFolder(results) == nil, let client = try DaemonClient.connect(results) else {
      let files = StatusFromFiles(results: results, files: POSIXFileSystem())
      let entries = try select(try files.entries())
      if arguments.json {
        showJSON(entries.map(\.message.text), pid: nil)
      } else {
        showTable(entries.map { StatusRow($0) }, files.source)
      }
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

  private func select(_ entries: [StatusEntry]) throws -> [StatusEntry] {
    let names = entries.map(\.record.experiment) + entries.map(\.name)
    let known = Set(names)
    for word in arguments.operands where !known.contains(word) {
      throw UsageError("\(UnknownTarget(word, among: names))")
    }
    let wanted = Set(arguments.operands)
    return wanted.isEmpty
      ? entries : entries.filter { wanted.contains($0.name) || wanted.contains($0.record.experiment) }
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
