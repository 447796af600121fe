import Experiments
import Files
import Foundation
import JSON
import Scheduler

/// `bitlab remove EXPERIMENT...`: removes experiments that have ended, with all their files.
struct RemoveVerb {
  static let verb = Verb(
    "remove", "remove experiments that have ended, with all their files",
    Operands("EXPERIMENT...", .experiment, 1...Int.max), options: [.yes, .results],
    details: "Asks on the terminal first; elsewhere it wants --yes. Works without a daemon too.",
    exitCodes: [
      (0, "removed"), (2, "no such experiment, one with runs that have not ended, or no yes"),
      (75, "another process holds the results folder"),
    ]
  ) { try RemoveVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  func run() throws -> Int32 {
    let results = ResultsFolder(arguments.results)
    let there = try results.experimentNames(in: files)
    let names = try Glob.experiments(arguments.operands, among: there, in: arguments.results)
    let client = try DaemonClient.connect(results)
    if client == nil {
      // Whoever trains here now is named, before anything is said of what has not ended.
      _ = try results.own(in: files)
      try refuseOpen(names, results)
    }
    if !arguments.isSure { try ask(names, results) }
    if let client {
      let notes = try client.request(["verb": "remove", "targets": .array(names.map { .string($0) })])
      for note in notes { console.error(note["text"]?.string ?? "") }
    } else {
      try withExtendedLifetime(try results.own(in: files)) {
        // A daemon may have come and gone since.
        try refuseOpen(names, results)
        for name in names { try results.remove(name, in: files) }
        if let note = ResultsFolder.note(ofRemainsIn: results.finishRemovals(in: files)) {
          console.error(note)
        }
      }
    }
    if arguments.json {
      console.result(JSONValue.array(names.map { .string($0) }).pretty)
    } else {
      for name in names { console.outcome("\(name): removed") }
    }
    return ExitCode.done
  }

  /// What somebody has begun and not ended stays, and what a daemon that does not run now has accepted.
  private func refuseOpen(_ names: [String], _ results: ResultsFolder) throws {
    let state = try StatusFromFiles(results: results, files: files).journaled()
    if let name = names.first(where: { !state.canTake($0) }) {
      throw UsageError(
        "\(name): a daemon has runs of it in its queue that have not ended: start it and cancel them first")
    }
    for name in names where state.submissions[name] == nil {
      if let unfinished = UnfinishedExperiment(name, in: results, files) { throw UsageError("\(unfinished)") }
    }
  }

  /// Returns where the person is sure.
  private func ask(_ names: [String], _ results: ResultsFolder) throws {
    let what = names.map { name in
      let runs = (try? files.list(results.experiment(name).runsFolder))?.count ?? 0
      return "\(name) (\(runs) run\(runs == 1 ? "" : "s"))"
    }.joined(separator: ", ")
    try console.confirm("remove \(what) with all files, for good?")
  }
}
