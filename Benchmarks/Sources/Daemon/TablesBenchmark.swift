import Dispatch
import Experiments
import Files
import Foundation
import JSON

/// What the live table of `bitlab run` takes of a training run's CPU time.
///
/// Too little to be seen between two whole runs: it is what the threads that do not compute take more than without a table,
/// where they write files.
struct TablesBenchmark {
  static let options = BenchmarkedDaemon.Settings.options.union(["--seconds", "--json"])

  private let settings: BenchmarkedDaemon.Settings
  private let seconds: Int
  private let isJSON: Bool

  /// Runs at once, each a row.
  private static let rows = [1, 8]
  private static let bound = 0.002

  init(_ options: CommandOptions) throws {
    settings = try BenchmarkedDaemon.Settings(options)
    seconds = try options.value("--seconds", 20, CommandOptions.count)
    isJSON = options.has("--json")
  }

  func run() throws {
    let lines = try Self.rows.map { rows in
      (rows: rows, table: try share(rows: rows, isQuiet: false), files: try share(rows: rows, isQuiet: true))
    }
    let worst = lines.map { $0.table - $0.files }.max() ?? .nan
    BenchmarkReport(
      name: "tables", title: "the live table's part of a training run's CPU time",
      table: [["runs at once", "with a table", "without", "table"]]
        + lines.map { [String($0.rows), $0.table.percent, $0.files.percent, ($0.table - $0.files).percent] },
      promises: [
        Promise(
          text: "a live table takes less than 0.2% of training", measured: worst.percent,
          isKept: worst < Self.bound)
      ],
      figures: .array(
        lines.map {
          .object([
            .init("runs", .integer($0.rows)), .init("with_table", .number($0.table)),
            .init("without", .number($0.files)),
          ])
        })
    ).print(asJSON: isJSON)
  }

  /// The part of the threads that do not compute.
  private func share(rows: Int, isQuiet: Bool) throws -> Double {
    BenchmarkReport.progress("tables: \(rows) at once, \(isQuiet ? "without" : "with") a table")
    let folder = try TemporaryFolder(in: settings.parent)
    let config = folder.file("tables.json")
    try DurableFile.write(DigitsConfig.endless("tables"), to: config, in: POSIXFileSystem())
    let terminal = try Terminal()
    let seeds = (0..<rows).map(String.init).joined(separator: ",")
    let program = try ChildProcess(
      [
        settings.program, "run", config, "--set", "seeds=[\(seeds)]", "--jobs", String(rows), "--results",
        folder.file("results"),
      ] + (isQuiet ? ["--quiet"] : []), errors: terminal.path)
    terminal.closeOwnEnd()
    // The data are loaded, and the table stands.
    sleep(3)
    let before = Self.cpuSeconds(of: program.pid)
    sleep(UInt32(seconds))
    let used = Self.cpuSeconds(of: program.pid).map { thread, cpu in cpu - (before[thread] ?? 0) }
    guard program.isRunning, let most = used.max(), most > 0 else {
      throw BenchmarkProblem("bitlab run ended, or did not train: \(terminal.said)")
    }
    guard terminal.said.contains("validation") != isQuiet else {
      throw BenchmarkProblem("there was \(isQuiet ? "a" : "no") table: \(terminal.said)")
    }
    program.end()
    return used.filter { $0 < most / 10 }.reduce(0, +) / used.reduce(0, +)
  }

  /// Of each thread of a process.
  private static func cpuSeconds(of process: pid_t) -> [String: Double] {
    let folder = "/proc/\(process)/task"
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var seconds: [String: Double] = [:]
    for thread in threads {
      // Nanoseconds on a core, and more.
      let text = (try? String(contentsOfFile: "\(folder)/\(thread)/schedstat", encoding: .utf8)) ?? ""
      if let first = text.split(separator: " ").first, let time = Double(first) {
        seconds[thread] = time * 1e-9
      }
    }
    return seconds
  }
}

/// A terminal of 80 by 24 that is read all the time.
private final class Terminal: @unchecked Sendable {
  // Sendable invariant: the text is used with the lock held, the rest does not change.
  let path: String
  private let (master, own): (Int32, Int32)
  private let lock = NSLock()
  private var text = ""

  init() throws {
    // As posix_openpt, unlockpt and ptsname do it, which Foundation does not show here.
    let (setLock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var (locked, number) = (Int32(0), Int32(0))
    var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
    guard master >= 0, ioctl(master, setLock, &locked) == 0, ioctl(master, getNumber, &number) == 0,
      ioctl(master, UInt(TIOCSWINSZ), &size) == 0
    else { throw BenchmarkProblem("there is no pseudo-terminal to be had") }
    path = "/dev/pts/\(number)"
    // Until the program has it open, somebody must.
    let own = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
    (self.master, self.own) = (master, own)
    Thread { [self] in
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = read(master, &buffer, buffer.count)
        if count <= 0 { break }
        lock.withLock { text = String(text.suffix(4096)) + String(decoding: buffer[..<count], as: UTF8.self) }
      }
      close(master)
    }.start()
  }

  func closeOwnEnd() { close(own) }

  var said: String { lock.withLock { text } }
}
