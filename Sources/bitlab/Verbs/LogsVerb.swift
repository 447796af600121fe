import Experiments
import Files
import Foundation
import JSON

/// `bitlab logs RUN [-f]`: a run's log; with `-f` also what is added, until the run has ended. With `--json` the lines
/// are one array of strings, with `-f` a string a line.
struct LogsVerb {
  static let verb = Verb(
    "logs", "print a run's log; -f follows it", .run,
    options: [
      Option("follow", letter: "f", \.follows, true, "print what is added too, until the run has ended"),
      .results,
    ],
    details: "RUN is <experiment>/<run id>."
  ) { try LogsVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  func run() throws -> Int32 {
    let word = try run(named: arguments.operands[0])
    let parts = word.split(separator: "/", maxSplits: 1).map(String.init)
    let results = ResultsFolder(arguments.results)
    guard parts.count == 2 else { throw unknown(word, among: try entries()) }
    let folder = results.experiment(parts[0]).run(parts[1])
    if !files.exists(folder.logFile) {
      let entries = try entries()
      guard entries.contains(where: { $0.name == word }) else { throw unknown(word, among: entries) }
      guard arguments.follows else {
        throw UsageError("`\(word)` has no log yet: it has not begun; `logs -f` waits for it")
      }
    }
    if arguments.json, !arguments.follows {
      let lines = try files.readText(folder.logFile).split(separator: "\n").map {
        JSONValue.string(String($0))
      }
      console.result(JSONValue.array(lines).pretty)
      return ExitCode.done
    }
    if arguments.follows { try follow(folder, named: word) } else { write(try files.readAll(folder.logFile)) }
    return ExitCode.done
  }

  /// The one run that a word or pattern means.
  private func run(named word: String) throws -> String {
    guard Glob.isPattern(word) else { return word }
    let names = try Targets([word]).chosen(of: try entries()) { ($0.record.experiment, $0.record.run) }.map(
      \.name)
    guard names.count == 1 else {
      throw UsageError(
        "`\(word)` means \(names.count) runs, and logs prints one: did you mean `\(names[0])`?")
    }
    return names[0]
  }

  /// Prints the log as it grows, from when there is one, woken by the system when files near it change.
  private func follow(_ folder: RunFolder, named name: String) throws {
    let watch = PathWatch()
    var file: OpenFile?
    defer { if let file { try? files.close(file) } }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var unfinishedLine: [UInt8] = []
    var hasSaidWaiting = false
    var hasSaidBlind = false
    let results = ResultsFolder(arguments.results)
    if ForeignFolder(results) == nil, FileLock.holder(of: results.lockFile) == nil, try !hasEndedInQueue(name)
    {
      console.info("no daemon runs: \(name) goes on when one does")
    }
    while true {
      // A run's folder may be there only when it begins. After each change of the watch all is looked at again, for what
      // came before it.
      if watch.attend(deepestFolder(towards: folder.path)) { continue }
      if let problem = watch.problem, !hasSaidBlind {
        console.error("\(problem); until then the log is looked at every second")
        hasSaidBlind = true
      }
      // Whether it has ended is asked before the rest is read, so that its last lines are not missed.
      let saysSo = (try? RunRecord(reading: folder.recordFile, in: files))?.status.hasEnded ?? false
      // The record may be of the attempt before one that waits.
      let hasEnded = try saysSo && hasEndedInQueue(name)
      if file == nil, files.exists(folder.logFile) { file = try files.open(folder.logFile, .read) }
      if file == nil {
        // One that is cancelled before it begins leaves a word in the journal alone.
        if try hasEndedInQueue(name) {
          return console.info("\(name) has ended without a log")
        }
        if !hasSaidWaiting { console.info("\(name) has not begun; waiting for its log") }
        hasSaidWaiting = true
      }
      while let file, !console.hasNoReader {
        let count = try buffer.withUnsafeMutableBytes { try files.read(file, into: $0) }
        if count == 0 { break }
        if arguments.json {
          writeStrings(buffer[..<count], after: &unfinishedLine)
        } else {
          write(Array(buffer[..<count]))
        }
      }
      if hasEnded || console.hasNoReader { return }
      watch.wait(milliseconds: file == nil || saysSo ? Self.rescanMilliseconds : -1)
    }
  }

  /// Whether the run has ended by all that the files know, or is not known.
  private func hasEndedInQueue(_ name: String) throws -> Bool {
    try entries().first { $0.name == name }?.record.status.hasEnded ?? true
  }

  /// How often the journal is asked whether a run that waits has ended.
  private static let rescanMilliseconds: Int32 = 2_000

  /// All runs that the files know.
  private func entries() throws -> [StatusEntry] {
    try StatusFromFiles(results: ResultsFolder(arguments.results), files: files).entries()
  }

  /// What is wrong with a word that is no run. Where it is, or nearly is, an experiment, one of its runs was meant.
  private func unknown(_ word: String, among entries: [StatusEntry]) -> UsageError {
    let isExperiment = entries.contains { $0.record.experiment == word }
    let names = entries.map(\.record.experiment) + entries.map(\.name)
    let near = isExperiment ? word : Nearest.name(to: word, among: names)
    let run = entries.first { $0.name == near || $0.record.experiment == near }?.name
    return UsageError(
      (isExperiment ? "`\(word)` is an experiment, logs needs a run" : "no run `\(word)`")
        + (run.map { ": did you mean `\($0)`?" } ?? ": `bitlab status` lists them"))
  }

  /// Each whole line as a JSON string; what is behind the last one waits for its end.
  private func writeStrings(_ bytes: ArraySlice<UInt8>, after unfinishedLine: inout [UInt8]) {
    var lines = (unfinishedLine + bytes).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    unfinishedLine = Array(lines.removeLast())
    for line in lines { console.result(JSONValue.string(String(decoding: line, as: UTF8.self)).pretty) }
  }

  private func deepestFolder(towards path: String) -> String {
    var path = path
    while !files.exists(path), path != FilePath.folder(of: path) { path = FilePath.folder(of: path) }
    return path
  }

  private func write(_ bytes: [UInt8]) { console.result(bytes: bytes) }
}
