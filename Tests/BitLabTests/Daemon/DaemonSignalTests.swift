import Foundation
import TestSupport
import Testing

/// Signals to the daemon's process, at each stage of its life.
struct DaemonSignalTests {
  /// A daemon that waits for its journal in the middle of its start, the folder locked.
  private func starting(_ program: Program) throws -> (RunningProgram, journal: Lease) {
    try program.put("", as: "results/.bitlab/lock")
    let journal = try Lease(program.file("results/.bitlab/journal"))
    let daemon = try program.start("daemon")
    try #require(journal.waitUntilWanted(), "\(daemon.said)")
    return (daemon, journal)
  }

  @Test(arguments: [SIGTERM, SIGINT]) func aStopDuringTheStartIsHeeded(signal: Int32) throws {
    let program = try Program()
    try program.drop(ConfigText().text, as: "tiny.json")
    let (daemon, journal) = try starting(program)
    daemon.send(signal)
    journal.release()
    #expect(daemon.finish() == 0)
    #expect(daemon.said.hasSuffix(" stopped\n") && !daemon.said.contains("watching"))
    #expect(!program.exists("results/.bitlab/socket") && program.exists("configs/queue/tiny.json"))
  }

  @Test func aSecondOneDuringTheStartEndsAtOnce() throws {
    let program = try Program()
    let (daemon, journal) = try starting(program)
    daemon.send(SIGTERM)
    // Signals that wait together may be taken in any order.
    while daemon.process.isRunning {
      daemon.send(SIGINT)
      usleep(30_000)
    }
    #expect(daemon.finish() == 130)
    withExtendedLifetime(journal) {}
  }

  @Test func aHangupDuringTheStartDoesNoHarm() throws {
    let program = try Program()
    let (daemon, journal) = try starting(program)
    daemon.send(SIGHUP)
    journal.release()
    try daemon.read(until: "watching")
    daemon.send(SIGTERM)
    #expect(daemon.finish() == 0)
  }

  @Test(arguments: [SIGTERM, SIGINT]) func whatRunsIsCheckpointedAndGoesOn(signal: Int32) throws {
    let program = try Program()
    let config = ConfigText(epochs: 200, training: #", "checkpoint_every_steps": 7"#, seeds: "[0]").text
    try program.put(config, as: "tiny.json")
    #expect(try program("run", "tiny.json", "--results", "expected").code == 0)
    let daemon = try program.start("daemon", "--jobs", "2")
    try daemon.read(until: "watching")
    #expect(try program("submit", "tiny.json").code == 0)
    try daemon.read(until: "epoch 3:")
    daemon.send(signal)
    #expect(daemon.finish() == 0)
    #expect(daemon.said.hasSuffix(" stopped\n"))
    #expect(try program.status().values.allSatisfy { $0["status"] as? String == "queued" })
    let next = try RunningDaemon(program)
    #expect(try program("wait").code == 0)
    #expect(try program.results("results/tiny") == program.results("expected/tiny"))
    #expect(next.terminate() == 0)
  }

  /// A run that waits for its initial weights would keep the daemon from ending.
  @Test(arguments: [SIGTERM, SIGINT]) func aControlCAfterItEndsAtOnce(signal: Int32) throws {
    let program = try Program()
    let lease = try Lease(program.file("weights"))
    try program.put(
      ConfigText(training: #", "initial_weights": "weights""#, seeds: "[0]").text, as: "tiny.json")
    let daemon = try RunningDaemon(program, "--jobs", "1")
    #expect(try program("submit", "tiny.json").code == 0)
    try #require(lease.waitUntilWanted())
    Foundation.kill(daemon.process.processIdentifier, signal)
    // The first has been heeded when it is the reason why the other run waits.
    while try program.status()["tiny/two-seed0"]?["waiting_for"] as? String != "the daemon to start again" {}
    #expect(daemon.process.isRunning)
    // A second SIGTERM so soon would be the same request.
    usleep(30_000)
    Foundation.kill(daemon.process.processIdentifier, SIGINT)
    daemon.process.waitUntilExit()
    #expect(daemon.process.code == 130)
  }
}
