import Files
import Foundation
import TestSupport
import Testing

@testable import bitlab

struct CancelTests {
  @Test func whatRunsAndWhatWaits() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("later")).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(daemon.verb("cancel", "later").output == "later/full-seed0: cancelled\n")
    #expect(daemon.verb("cancel", "long").output == "long/full-seed0: is being cancelled\n")
    #expect(daemon.verb("wait").code == 0)
    let again = daemon.verb("cancel", "long")
    #expect(again.code == 0 && again.output == "long/full-seed0: has already ended: cancelled\n")
    #expect(try daemon.text("results/long/runs/full-seed0/run.json").contains(#""status": "cancelled""#))
    daemon.stop()
    #expect(try daemon.status().values.allSatisfy { $0["status"] as? String == "cancelled" })
  }

  /// Before the run's thread has got anywhere.
  @Test func atOnce() throws {
    let daemon = try InProcessDaemon(slots: 1)
    for number in 0..<20 {
      #expect(try daemon.submit(InProcessDaemon.long("long\(number)")).code == 0)
      #expect(daemon.verb("cancel", "long\(number)").code == 0)
    }
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.status().values.allSatisfy { $0["status"] as? String == "cancelled" })
  }

  /// A record that could not be written when a paused run was cancelled is written when there is room again.
  @Test func theRecordFollowsWhenThereIsRoom() throws {
    let daemon = try InProcessDaemon()
    let record = daemon.results + "/long/runs/full-seed0/"
    let files = FaultyFileSystem(.error(ENOSPC), at: .max, failingUnder: record)
    try daemon.start(slots: 1, files: files)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    while !daemon.exists("results/long/runs/full-seed0/run.json") { usleep(1000) }
    #expect(daemon.verb("pause", "long").code == 0)
    while try !daemon.text("results/long/runs/full-seed0/run.json").contains(#""status": "paused""#) {
      usleep(1000)
    }
    files.breakDown()
    #expect(daemon.verb("cancel", "long").code == 0)
    while try !daemon.logText().contains("No space left") { usleep(1000) }
    files.heal()
    try daemon.wait { $0.submissions["long"] == nil }
    #expect(try daemon.text("results/long/runs/full-seed0/run.json").contains(#""status": "cancelled""#))
    #expect(try !daemon.text("results/long/summary.csv").contains("running"))
  }

  /// Cancelled in the queue, then trained to its end by `bitlab run`: it has completed, and nobody says otherwise.
  @Test func whatARunCompletesSinceStaysCompleted() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let tiny = ConfigText(seeds: "[0]").text
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(tiny).code == 0)
    #expect(daemon.verb("pause", "tiny").code == 0)
    #expect(daemon.verb("cancel", "tiny/full-seed0").code == 0)
    daemon.stop()
    #expect(daemon.verb("run", try daemon.config(tiny, as: "tiny.json")).code == 0)
    let results = try experimentResults(daemon.results + "/tiny")
    let log = try daemon.text("results/tiny/runs/full-seed0/run.log")
    try daemon.start(slots: 2)
    #expect(daemon.verb("resume", "tiny").code == 0)
    try daemon.wait { $0.submissions["tiny"] == nil }
    #expect(try daemon.text("results/tiny/runs/full-seed0/run.json").contains(#""status": "completed""#))
    #expect(try daemon.submit(tiny).code == 0)
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try daemon.text("results/tiny/runs/full-seed0/run.log") == log)
    #expect(try experimentResults(daemon.results + "/tiny") == results)
  }

  /// Also a run that never began has a record that says so, and the summary does not wait for it.
  @Test func whatNeverBeganHasEnded() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("cancel", "tiny").code == 0)
    try daemon.wait { $0.submissions["tiny"] == nil }
    #expect(try daemon.text("results/tiny/runs/two-seed1/run.json").contains(#""status": "cancelled""#))
    #expect(try !daemon.text("results/tiny/summary.csv").contains("running"))
    let summary = daemon.verb("summary", "tiny")
    #expect(summary.code == 0 && !summary.output.contains("running"), "\(summary.output)")
  }

  /// A file that could not leave the watched folder is not submitted again: what was cancelled meanwhile stays so.
  @Test func staysSoWhileTheConfigCannotLeaveTheFolder() throws {
    let daemon = try InProcessDaemon()
    let files = FaultyFileSystem(.error(EACCES), at: .max, only: [.rename], failingUnder: daemon.queue)
    try daemon.start(slots: 1, files: files)
    files.breakDown()
    try daemon.drop(InProcessDaemon.long(), as: "long.json")
    try daemon.wait { $0.submissions["long"] != nil }
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait").code == 0)
    // It has been offered again by now.
    let before = files.failed.count
    while files.failed.count < before + 2 { usleep(1000) }
    #expect(try daemon.status()["long/full-seed0"]?["status"] as? String == "cancelled")
    files.heal()
    while daemon.exists("queue/long.json") { usleep(1000) }
    #expect(try daemon.status()["long/full-seed0"]?["status"] as? String == "cancelled")
  }

  @Test func everything() throws {
    let daemon = try InProcessDaemon(slots: 2)
    for number in 0..<4 { #expect(try daemon.submit(InProcessDaemon.long("long\(number)")).code == 0) }
    #expect(daemon.verb("pause", "long3").code == 0)
    #expect(daemon.verb("cancel", "--all").output.split(separator: "\n").count == 4)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.status().values.allSatisfy { $0["status"] as? String == "cancelled" })
  }
}
