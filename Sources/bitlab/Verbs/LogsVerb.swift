import Experiments
import Files
import Foundation
import Glibc

/// `bitlab logs RUN [-f]`: a run's log; with `-f` also what is added, until the run has ended.
struct LogsVerb {
  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  init(arguments: Arguments, console: Console) {
    self.arguments = arguments
    self.console = console
  }

  func run() throws -> Int32 {
    guard arguments.operands.count == 1, let word = arguments.operands.first else {
      throw UsageError("logs needs one run: <experiment>/<run id>")
    }
    let parts = word.split(separator: "/", maxSplits: 1).map(String.init)
    let results = ResultsFolder(arguments.results)
    guard parts.count == 2 else { throw UsageError("`\(word)` is no run: <experiment>/<run id>") }
    let folder = results.experiment(parts[0]).run(parts[1])
    guard files.exists(folder.logFile) else { throw UsageError(try unknown(word, results)) }
    if arguments.json {
      let lines = try files.readText(folder.logFile).split(separator: "\n").map {
        OrderedJSON.string(String($0))
      }
      console.result(OrderedJSON.array(lines).pretty)
      return ExitCode.done
    }
    if arguments.follows { try follow(folder) } else { write(try files.readAll(folder.logFile)) }
    return ExitCode.done
  }

  private func unknown(_ word: String, _ results: ResultsFolder) throws -> String {
    let known = try StatusFromFiles(results: results, files: files).entries().map(\.name)
    if known.contains(word) { return "`\(word)` has no log yet: it has not begun" }
    let hint = Nearest.name(to: word, among: known).map { ": did you mean `\($0)`?" }
    return "no run `\(word)`" + (hint ?? "")
  }

  /// Prints the log as it grows, woken by the system when the folder's files change.
  private func follow(_ folder: RunFolder) throws {
    let watch = inotify_init1(Int32(IN_CLOEXEC))
    guard watch >= 0 else { throw FileError(.open, folder.path, code: errno) }
    defer { close(watch) }
    let events = UInt32(IN_MODIFY) | UInt32(IN_MOVED_TO) | UInt32(IN_CREATE)
    guard inotify_add_watch(watch, folder.path, events) >= 0 else {
      throw FileError(.open, folder.path, code: errno)
    }
    let file = try files.open(folder.logFile, .read)
    defer { try? files.close(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // Whether it has ended is asked before the rest is read, so that its last lines are not missed.
      let hasEnded = (try? RunRecord(reading: folder.recordFile, in: files))?.status.hasEnded ?? false
      while true {
        let count = try buffer.withUnsafeMutableBytes { try files.read(file, into: $0) }
        if count == 0 { break }
        write(Array(buffer[..<count]))
      }
      if hasEnded { return }
      _ = buffer.withUnsafeMutableBytes { read(watch, $0.baseAddress, $0.count) }
    }
  }

  private func write(_ bytes: [UInt8]) { console.resultLines(String(decoding: bytes, as: UTF8.self)) }
}
