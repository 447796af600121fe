import Experiments
import Files
import Scheduler

/// `bitlab status [RUN or EXPERIMENT...]`: every run, and why it waits; without a daemon from the files.
struct StatusVerb {
  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let results = ResultsFolder(arguments.results)
    let client = try DaemonClient.connect(results)
    let runs: [ControlMessage]
    if let client {
      runs = try client.request([
        "verb": "status", "targets": .array(arguments.operands.map { .string($0) }),
      ])
    } else {
      let entries = try StatusFromFiles(results: results, files: POSIXFileSystem()).entries()
      runs = try select(entries).map(\.message)
    }
    show(runs, pid: client?.serverPID)
    return ExitCode.done
  }

  private func select(_ entries: [StatusEntry]) throws -> [StatusEntry] {
    let names = Set(entries.map(\.name)).union(entries.map(\.record.experiment))
    for word in arguments.operands where !names.contains(word) {
      let hint = Nearest.name(to: word, among: names).map { ": did you mean `\($0)`?" }
      throw UsageError("no run or experiment `\(word)`" + (hint ?? ""))
    }
    let wanted = Set(arguments.operands)
    return wanted.isEmpty
      ? entries : entries.filter { wanted.contains($0.name) || wanted.contains($0.record.experiment) }
  }

  private func show(_ runs: [ControlMessage], pid: Int?) {
    if arguments.json {
      let keys: Set = ["images_per_second", "total_steps"]
      let lines = runs.map { run in
        OrderedJSON.object(
          run.members.filter { !keys.contains($0.key) }.map { .init($0.key, $0.value.orderedJSON) })
      }
      let daemon = pid.map { OrderedJSON.object([.init("pid", .integer($0))]) } ?? .null
      console.result(OrderedJSON.object([.init("daemon", daemon), .init("runs", .array(lines))]).pretty)
    } else {
      console.info(pid.map { "the daemon is process \($0)" } ?? "no daemon runs; this is from the files")
      if runs.isEmpty { console.info("no runs") } else { StatusTable.text(runs).forEach(console.result) }
    }
  }
}
