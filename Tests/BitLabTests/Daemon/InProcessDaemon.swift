import Dispatch
import Experiments
import Files
import Foundation
import Scheduler
import Synchronization
import TestSupport
import Testing

@testable import bitlab

/// A daemon in the test's own process, with folders of its own, spoken to by the verbs as on a command line.
final class InProcessDaemon {
  let folder: TemporaryFolder
  private(set) var daemon: Daemon?
  private var log: DaemonLog?
  private let streams = CapturedStreams()

  /// Far from its end whenever somebody steers it.
  static func long(
    _ name: String = "long", variants: String = #"{"name": "full", "bits": 32}"#, rest: String = ""
  )
    -> String
  {
    ConfigText(
      name: name, epochs: 1_000_000, training: #", "checkpoint_every_steps": 50, "max_steps": 10000000"#,
      variants: variants, seeds: "[0]", rest: rest
    ).text
  }

  init() throws { folder = try TemporaryFolder() }

  /// Prepared, and started.
  convenience init(slots: Int) throws {
    self.init(try TemporaryFolder())
    try start(slots: slots)
  }

  private init(_ folder: TemporaryFolder) { self.folder = folder }

  deinit { if daemon != nil { stop() } }

  var results: String { folder.file("results") }
  var queue: String { folder.file("queue") }

  /// - Parameter files: what the daemon's files are on.
  func start(
    slots: Int, files: any FileSystem = FaultyFileSystem(),
    delays: RetryDelays = RetryDelays(disk: 0.02, first: 0.01), reuses: Bool = true
  ) throws {
    let arguments = try Arguments(["daemon", "-q"], environment: [:])
    let console = Console(arguments, environment: [:], streams: CapturedStreams())
    let results = ResultsFolder(results)
    var spool = SpoolWatcher.Settings()
    spool.rescanInterval = .milliseconds(20)
    let log = DaemonLog(results.daemonLogFile, console, files: files)
    self.log = log
    daemon = try Daemon(
      .init(
        results: results, configs: queue, data: folder.path, slots: slots, reuses: reuses,
        delays: delays,
        spool: spool),
      log: log, in: files)
    daemon!.start()
  }

  /// As SIGTERM does, and returns when it has stopped.
  func stop() {
    daemon?.stop(drain: false)
    waitUntilStopped()
  }

  func waitUntilStopped() {
    daemon?.waitUntilStopped()
    daemon = nil
  }

  /// How many verbs are connected to it.
  var clientCount: Int { daemon?.clientCount ?? 0 }

  struct Said {
    var code: Int32
    var output: String
    var errors: String
  }

  /// `bitlab` with these words, in this process.
  @discardableResult
  func verb(_ words: String...) -> Said { verb(words, CapturedStreams()) }

  func verb(_ words: [String], _ streams: CapturedStreams) -> Said {
    let heedsResults = Verb.all.contains { words.contains($0.name) && $0.heeds(.results) }
    let code = BitLab.main(
      words + (heedsResults ? ["--results", results] : []), environment: [:], streams: streams)
    return Said(code: code, output: streams.text(STDOUT_FILENO), errors: streams.text(STDERR_FILENO))
  }

  /// The same on a thread of its own; when it is done, what it says on stderr ends with `VERB ended with code N`.
  func begin(_ words: String...) -> CapturedStreams {
    let streams = CapturedStreams()
    let thread = Thread { [daemon = Unchecked(self)] in
      let code = daemon.value.verb(words, streams).code
      streams.note("\(words[0]) ended with code \(code)")
    }
    thread.start()
    return streams
  }

  func json(_ words: String...) throws -> Any {
    let said = verb(words + ["--json"], CapturedStreams())
    return try JSONSerialization.jsonObject(with: Data(said.output.utf8), options: .fragmentsAllowed)
  }

  /// The runs that `status` lists, by name.
  func status() throws -> [String: [String: Any]] {
    let value = try #require(try json("status") as? [String: Any])
    let runs = try #require(value["runs"] as? [[String: Any]])
    return Dictionary(uniqueKeysWithValues: runs.map { ("\($0["experiment"] ?? "")/\($0["run"] ?? "")", $0) })
  }

  /// A config in a file of its own, for `submit`.
  func config(_ text: String, as name: String) throws -> String {
    try folder.put(Array(text.utf8), as: name)
    return folder.file(name)
  }

  func submit(_ text: String) throws -> Said { try submit([text]) }

  /// All with one command.
  @discardableResult
  func submit(_ texts: [String]) throws -> Said {
    verb(["submit"] + (try texts.map { try config($0, as: "\(UUID()).json") }), CapturedStreams())
  }

  /// Puts a config where the daemon watches, as `mv` does.
  func drop(_ text: String, as name: String) throws {
    try FileManager.default.createDirectory(atPath: queue, withIntermediateDirectories: true)
    try FileManager.default.moveItem(
      atPath: try config(text, as: ".dropped-\(UUID())"), toPath: "\(queue)/\(name)")
  }

  /// Waits until the queue satisfies `condition`.
  func wait(
    _ condition: @escaping (QueueState) -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let engine = try #require(daemon).core.engine
    let changed = DispatchSemaphore(value: 0)
    let token = engine.observe { _ in changed.signal() }
    defer { engine.stopObserving(token) }
    let deadline = DispatchTime.now() + 60
    while !condition(engine.report().state) {
      // Not everything that is waited for is told.
      if changed.wait(timeout: min(deadline, .now() + 0.005)) == .timedOut, DispatchTime.now() >= deadline {
        Issue.record("not reached in a minute", sourceLocation: sourceLocation)
        return
      }
    }
  }

  /// Waits until something else than the queue satisfies `condition`.
  func wait(
    _ condition: () throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while try !condition() {
      guard Date() < deadline else {
        Issue.record("not reached in a minute", sourceLocation: sourceLocation)
        return
      }
      usleep(1_000)
    }
  }

  /// Waits until the run is in that state.
  func wait(for run: String, _ status: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let parts = run.split(separator: "/").map(String.init)
    let id = JobID(submission: parts[0], job: parts[1])
    try wait({ $0.status(of: id)?.name == status }, sourceLocation: sourceLocation)
  }

  func text(_ name: String) throws -> String { try folder.text(name) }

  /// The daemon's log, with all that was said until now: it is written on a queue of its own.
  func logText() throws -> String {
    log?.finish(within: 60)
    return try text("results/.bitlab/daemon.log")
  }

  func exists(_ name: String) -> Bool { POSIXFileSystem().exists(folder.file(name)) }

  /// What an undisturbed `bitlab run` of a config leaves.
  func undisturbed(_ text: String, _ name: String) throws -> [String: [UInt8]] {
    let path = try config(text, as: "undisturbed-\(name).json")
    let code = BitLab.main(
      ["run", path, "-q", "--results", folder.file("undisturbed")], environment: [:],
      streams: CapturedStreams())
    #expect(code == 0)
    return try experimentResults(folder.file("undisturbed/\(name)"))
  }
}

/// Keeps what a console says; no terminal.
final class CapturedStreams: OutputStreams {
  private let said = Mutex<[Int32: [UInt8]]>([:])
  private let more = DispatchSemaphore(value: 0)

  func isTerminal(_ descriptor: Int32) -> Bool { false }

  func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
    said.withLock { $0[descriptor, default: []] += bytes }
    more.signal()
    return bytes.count
  }

  func text(_ descriptor: Int32) -> String {
    said.withLock { String(decoding: $0[descriptor] ?? [], as: UTF8.self) }
  }

  /// Waits until so much has been said; false after a minute.
  func wait(for text: String, on descriptor: Int32) -> Bool {
    let deadline = DispatchTime.now() + 60
    // There may be megabytes of it, and more with each line.
    var searched = 0
    while true {
      let (new, count) = said.withLock { said in
        let bytes = said[descriptor] ?? []
        return (String(decoding: bytes[max(0, searched - text.utf8.count)...], as: UTF8.self), bytes.count)
      }
      if new.contains(text) { return true }
      searched = count
      if more.wait(timeout: deadline) == .timedOut || DispatchTime.now() >= deadline { return false }
    }
  }
}

extension CapturedStreams {
  /// Adds a line to what was said on stderr.
  func note(_ text: String) {
    _ = Array((text + "\n").utf8).withUnsafeBytes { write($0, to: STDERR_FILENO) }
  }
}

/// What a test hands to a thread of its own.
struct Unchecked<Value>: @unchecked Sendable {
  // Sendable invariant: the test waits for the thread's last word before it goes on with the value's mutable parts.
  let value: Value

  init(_ value: Value) { self.value = value }
}
