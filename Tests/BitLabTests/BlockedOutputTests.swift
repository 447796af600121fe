import Files
import Foundation
import Testing

/// A terminal that is stopped and pipes that nobody reads: whoever computes or decides does not wait for them.
struct BlockedOutputTests {
  private static let endless = ConfigText(
    epochs: 1_000_000, training: #", "checkpoint_every_steps": 50"#,
    variants: #"{"name": "full", "bits": 32}"#,
    seeds: "[0]"
  ).text
  private static let steps = "results/tiny/runs/full-seed0/steps.csv"

  private static func program(_ config: String = endless) throws -> Program {
    let program = try Program()
    try program.put(config, as: "tiny.json")
    return program
  }

  /// Waits until the run is far beyond what it can have said.
  private func expectSteps(_ program: Program, _ process: Process, _ number: Int) throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while try !program.hasRow(number, in: Self.steps) {
      try #require(process.isRunning && Date() < deadline, "the steps stand still")
      usleep(1000)
    }
  }

  /// That it ends without anybody's reading; kills it in the end.
  private func expectEnd(_ process: Process, after signal: Int32, code: Int32) {
    kill(process.processIdentifier, signal)
    let watchdog = DispatchWorkItem { kill(process.processIdentifier, SIGKILL) }
    DispatchQueue(label: "watchdog").asyncAfter(deadline: .now() + 60, execute: watchdog)
    process.waitUntilExit()
    watchdog.cancel()
    #expect(process.code == code)
  }

  private func expectPaused(_ program: Program) throws {
    let record = try program.record("results/tiny", "full-seed0")
    #expect(["paused", "queued"].contains(record["status"] as? String))
    let files = try program.names("results/tiny/runs/full-seed0")
    #expect(files.contains { $0.hasPrefix("checkpoint") })
  }

  @Test func aPipeThatNobodyReads() throws {
    let program = try Self.program()
    let running = try program.start("run", "tiny.json")
    // Four steps are an epoch and have a line; the pipe has room for some fifty.
    try expectSteps(program, running.process, 320)
    expectEnd(running.process, after: SIGTERM, code: 143)
    try expectPaused(program)
  }

  @Test func aDaemonWhoseStderrNobodyReads() throws {
    let program = try Self.program()
    let running = try program.start("daemon")
    try running.read(until: "watching")
    #expect(try program("submit", "tiny.json").code == 0)
    try expectSteps(program, running.process, 320)
    let status = try program.status()
    #expect(status["tiny/full-seed0"]?["status"] as? String == "running")
    expectEnd(running.process, after: SIGTERM, code: 0)
    try expectPaused(program)
    let log = try program.text("results/.bitlab/daemon.log")
    #expect(log.hasSuffix(" stopped\n") && !log.contains("missing here") && log.contains("epoch 70:"))
  }

  /// As after Ctrl-S, with the live table that is drawn there.
  @Test func aTerminalThatIsStopped() throws {
    let program = try Self.program()
    let terminal = try PseudoTerminal()
    try terminal.stop()
    let process = program.process(["run", "tiny.json"])
    process.standardOutput = FileHandle.nullDevice
    try terminal.run(process)
    try expectSteps(program, process, 100)
    expectEnd(process, after: SIGTERM, code: 143)
    try expectPaused(program)
  }

  /// The summary waits for its reader, with everything on the disk; whoever does not want to wait ends the program.
  @Test(arguments: [SIGINT, SIGTERM]) func theSummaryWaitsForItsReader(signal: Int32) throws {
    let program = try Self.program(ConfigText(seeds: "[0]").text)
    let pipe = Pipe()
    var filled = [UInt8](repeating: 0, count: 4096)
    let (setPipeSize, page) = (Int32(1031), Int32(4096))
    _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, setPipeSize, page)
    try #require(write(pipe.fileHandleForWriting.fileDescriptor, &filled, filled.count) == 4096)
    let process = program.process(["run", "tiny.json", "-v"])
    let errors = program.file("errors")
    try Data().write(to: URL(fileURLWithPath: errors))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
    process.standardOutput = pipe.fileHandleForWriting
    try process.runUnblocked()
    let deadline = Date(timeIntervalSinceNow: 60)
    while try !program.text("errors").contains("two-seed0: completed") || !program.summaryIsComplete {
      try #require(process.isRunning && Date() < deadline)
      usleep(1000)
    }
    // Should it still be on its way there, it stops in order, with the same code.
    expectEnd(process, after: signal, code: 128 + signal)
    for run in ["full-seed0", "two-seed0"] {
      #expect(try program.record("results/tiny", run)["status"] as? String == "completed")
    }
  }

  /// A verb that prints and ends leaves nothing out, however late its reader comes; what is no UTF-8 stays so.
  @Test(arguments: [["logs", "tiny/full-seed0"], ["logs", "-f", "tiny/full-seed0"]])
  func aVerbWaitsForItsReader(arguments: [String]) throws {
    let program = try Self.program(ConfigText(variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]").text)
    #expect(try program("run", "tiny.json", "-q").code == 0)
    let log =
      (try program.bytes("results/tiny/runs/full-seed0/run.log")
        + Array(repeating: Array("é☕ line \u{1B}\n".utf8) + [0xFF, 0x0A], count: 20_000).joined())
    try Data(log).write(to: URL(fileURLWithPath: program.file("results/tiny/runs/full-seed0/run.log")))
    let process = program.process(arguments)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.runUnblocked()
    var read = Data()
    while let piece = try pipe.fileHandleForReading.read(upToCount: 10_007), !piece.isEmpty { read += piece }
    process.waitUntilExit()
    #expect(process.code == 0 && Array(read) == log)
  }
}

extension Program {
  fileprivate var summaryIsComplete: Bool {
    (try? text("results/tiny/summary.csv"))?.contains(",running\n") == false
  }
}
