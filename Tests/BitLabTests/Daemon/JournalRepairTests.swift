import Files
import Foundation
import Scheduler
import Testing

@testable import bitlab

/// A journal that was damaged: what it no longer says comes from the results folders.
struct JournalRepairTests {
  private static let text = ConfigText(epochs: 200, training: #", "checkpoint_every_steps": 7"#, seeds: "[0]")
    .text

  /// Flips a bit of the journal in the first record that contains the text.
  private func damage(_ daemon: InProcessDaemon, at text: String) throws {
    let path = daemon.results + "/.bitlab/journal"
    var bytes = try POSIXFileSystem().readAll(path)
    let pattern = Array(text.utf8)
    let place = try #require(
      (0..<(bytes.count - pattern.count)).first { Array(bytes[$0..<($0 + pattern.count)]) == pattern })
    bytes[place] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// Stops a daemon while an experiment is under way, its folder written.
  private func interrupted() throws -> InProcessDaemon {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(Self.text).code == 0)
    while !daemon.exists("results/tiny/runs/full-seed0/run.json") { usleep(1000) }
    daemon.stop()
    return daemon
  }

  @Test func aLostExperimentIsQueuedAgain() throws {
    let daemon = try interrupted()
    try damage(daemon, at: #""submitted""#)
    try daemon.start(slots: 2)
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(Self.text, "tiny"))
    let log = try daemon.logText()
    #expect(
      log.contains("the journal was damaged: ")
        && log.contains("tiny: the queue does not know it; queued again")
    )
    // Nothing unreadable is lost, and nothing is mended twice.
    #expect(
      try POSIXFileSystem().list(daemon.results + "/.bitlab").contains { $0.hasPrefix("journal.damaged") })
    daemon.stop()
    try daemon.start(slots: 2)
    #expect(
      try daemon.logText().components(separatedBy: "queued again").count == 2)
  }

  /// The process that found the damage died before it had made up for it.
  @Test func anInterruptedRepairIsDoneAgain() throws {
    let daemon = try interrupted()
    try damage(daemon, at: #""submitted""#)
    _ = try Journal.open(daemon.results + "/.bitlab/journal", in: POSIXFileSystem())
    try daemon.start(slots: 2)
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(Self.text, "tiny"))
    daemon.stop()
    #expect(try !POSIXFileSystem().list(daemon.results + "/.bitlab").contains("journal.mending"))
  }

  /// A record that this program cannot read is kept, whatever a snapshot makes of the rest.
  @Test func whatSaysNothingIsKeptAside() throws {
    let daemon = try interrupted()
    let path = daemon.results + "/.bitlab/journal"
    let strange = Array(#"{"of":"another version"}"#.utf8)
    try Journal.open(path, in: POSIXFileSystem()).journal.append([strange])
    let before = try POSIXFileSystem().readAll(path)
    try daemon.start(slots: 2)
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try POSIXFileSystem().readAll(path + ".damaged-1") == before)
    #expect(try daemon.logText().contains("is of another version: passed over"))
  }

  /// What was cancelled and then submitted again waits; damage to something else does not cancel it.
  @Test func whatGoesOnAgainIsNotCancelled() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let tiny = ConfigText(seeds: "[0]").text
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(tiny).code == 0)
    #expect(daemon.verb("cancel", "tiny").code == 0)
    try daemon.wait { $0.submissions["tiny"] == nil }
    #expect(try daemon.submit(tiny).output.contains("2 runs go on"))
    daemon.stop()
    try damage(daemon, at: #""began""#)
    try daemon.start(slots: 1)
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.status()["tiny/two-seed0"]?["status"] as? String == "completed")
  }

  @Test func aLostEndIsFoundInTheRunsRecord() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let text = ConfigText(seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let before = try experimentResults(daemon.results + "/tiny")
    daemon.stop()
    try damage(daemon, at: #""ended""#)
    try daemon.start(slots: 2)
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == before)
    let log = try daemon.logText()
    for run in ["full-seed0", "two-seed0"] {
      #expect(log.split(separator: "\n").count { $0.hasSuffix("tiny/\(run): completed") } == 1)
    }
  }

  @Test func aLostCancellationToo() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    while !daemon.exists("results/long/runs/full-seed0/run.json") { usleep(1000) }
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait").code == 0)
    daemon.stop()
    // Both that it was asked for and that it was done.
    try damage(daemon, at: #""cancelRequested""#)
    try damage(daemon, at: #""ended""#)
    try daemon.start(slots: 1)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.status()["long/full-seed0"]?["status"] as? String == "cancelled")
  }

  /// A journal that ends in the middle of a record may have lost more than that record: the folders are asked.
  @Test func whatACutJournalDoesNotSayIsLookedUp() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long("paused")).code == 0)
    try daemon.wait(for: "paused/full-seed0", "running")
    while !daemon.exists("results/paused/runs/full-seed0/run.json") { usleep(1000) }
    #expect(daemon.verb("pause", "paused").code == 0)
    #expect(try daemon.submit(Self.text).code == 0)
    while !daemon.exists("results/tiny/runs/full-seed0/run.json") { usleep(1000) }
    daemon.stop()
    // All but the first record and the beginning of the second.
    let path = daemon.results + "/.bitlab/journal"
    var bytes = try POSIXFileSystem().readAll(path)
    let second = try #require(bytes[60...].firstRange(of: [0xF5, 0x42, 0x4C, 0xC0])).lowerBound
    bytes.removeLast(bytes.count - second - 33)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try daemon.start(slots: 2)
    let log = try daemon.logText()
    #expect(log.contains("the journal ends in the middle of a record, of which 33 bytes are there"), "\(log)")
    #expect(log.contains("tiny: the queue does not know it; queued again"))
    #expect(log.contains("paused/full-seed0: its record says that it was paused"))
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try daemon.status()["paused/full-seed0"]?["status"] as? String == "paused")
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(Self.text, "tiny"))
  }

  /// An experiment that is too large for one record of the journal keeps no daemon from starting, and neither does a folder
  /// or a pipe in a config's place.
  @Test func whatCannotBeQueuedAgainIsSaid() throws {
    let daemon = try interrupted()
    for name in ["odd", "piped"] {
      try FileManager.default.createDirectory(
        atPath: "\(daemon.results)/\(name)", withIntermediateDirectories: true)
    }
    try FileManager.default.createDirectory(
      atPath: daemon.results + "/odd/config.json", withIntermediateDirectories: true)
    #expect(mkfifo(daemon.results + "/piped/config.json", 0o600) == 0)
    let seeds = "[" + (0..<30_000).map(String.init).joined(separator: ",") + "]"
    try FileManager.default.createDirectory(
      atPath: daemon.results + "/huge", withIntermediateDirectories: true)
    try Data(ConfigText(name: "huge", seeds: seeds).text.utf8).write(
      to: URL(fileURLWithPath: daemon.results + "/huge/config.json"))
    try damage(daemon, at: #""submitted""#)
    try daemon.start(slots: 2)
    let log = try daemon.logText()
    #expect(log.contains("huge: the queue does not know it, and cannot take it: the plan has 60000 runs"))
    #expect(daemon.verb("wait", "tiny").code == 0)
    for name in ["odd", "piped"] { #expect(daemon.verb("cancel", name).code == 2) }
    #expect(daemon.verb("restart", "--all", "--yes").code == 0)
  }
}
