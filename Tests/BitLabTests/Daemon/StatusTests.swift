import Files
import Foundation
import Testing

@testable import bitlab

struct StatusTests {
  @Test func waitingRunsSayWhyInTheOrderOfPriority() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(try daemon.submit(InProcessDaemon.long("low", rest: #", "priority": -1"#)).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("high", rest: #", "priority": 1"#)).code == 0)
    #expect(daemon.verb("pause", "high").code == 0)
    #expect(daemon.verb("resume", "high").code == 0)
    let runs = try daemon.status()
    #expect(runs["long/full-seed0"]?["status"] as? String == "running")
    #expect(runs["high/full-seed0"]?["waiting_for"] as? String == "a free slot (1 of 1 in use, next)")
    #expect(runs["low/full-seed0"]?["waiting_for"] as? String == "a free slot (1 of 1 in use, 1 ahead)")
    #expect(
      runs["high/full-seed0"]?["variant"] as? String == "full"
        && runs["high/full-seed0"]?["bits"] as? Int == 32)
  }

  @Test func chosenRunsAndTables() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let table = daemon.verb("status", "tiny/two-seed1").output.split(separator: "\n")
    #expect(table.count == 2 && table[0].hasPrefix("run") && table[1].hasPrefix("tiny/two-seed1  completed"))
    #expect(daemon.verb("status", "tiny").output.split(separator: "\n").count == 5)
    let unknown = daemon.verb("status", "tinny")
    #expect(unknown.code == 2 && unknown.errors.contains("did you mean `tiny`?"))
    #expect(daemon.verb("status").errors.contains("the daemon is process \(getpid())"))
  }

  /// With and without a daemon the same is said of what has ended, and of what has not.
  @Test func withoutADaemonTheFilesAnswer() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("paused")).code == 0)
    #expect(daemon.verb("pause", "paused").code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    let ended = try daemon.status().filter { $0.key.hasPrefix("tiny/") }
    daemon.stop()
    let after = try daemon.status()
    #expect(after.filter { $0.key.hasPrefix("tiny/") } as NSDictionary == ended as NSDictionary)
    #expect(after["long/full-seed0"]?["status"] as? String == "queued")
    #expect(after["long/full-seed0"]?["waiting_for"] as? String == "a daemon to run it")
    #expect(after["paused/full-seed0"]?["status"] as? String == "paused")
    #expect(daemon.verb("status").errors.contains("no daemon runs"))
    #expect(daemon.verb("status", "tinny").code == 2)
  }
}
