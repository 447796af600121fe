import Files
import Foundation
import Testing

@testable import bitlab

/// `bitlab daemon` and what is dropped into its folder.
struct WatchedFolderTests {
  @Test func goodOnesRunBadOnesAreExplained() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let bad = #"{"name": "bad", "datset": {}}"#
    try daemon.drop(ConfigText().text, as: "tiny.json")
    try daemon.drop(bad, as: "bad.json")
    try daemon.drop("not a config", as: ".hidden.json")
    try daemon.drop("not a config", as: "half.json.part")
    try daemon.wait { $0.submissions["tiny"] != nil }
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(ConfigText().text, "tiny"))
    let rejected = "queue/rejected/bad.json"
    while !daemon.exists(rejected) { usleep(1000) }
    #expect(try daemon.text(rejected) == bad)
    let validated = daemon.verb("validate", try daemon.config(bad, as: "bad.json")).errors
    let explained = try daemon.text(rejected + ".error.txt")
    #expect(
      explained.replacingOccurrences(of: "queue/bad.json", with: "bad.json").split(separator: "\n")
        == validated.split(separator: "\n"))
    #expect(
      try POSIXFileSystem().list(daemon.queue) == [
        ".accepted", ".hidden.json", ".lock", ".taken", "half.json.part", "rejected",
      ])
  }

  @Test func theSameFileAgainRunsNothingTwice() throws {
    let daemon = try InProcessDaemon(slots: 2)
    for _ in 0..<2 {
      try daemon.drop(ConfigText().text, as: "tiny.json")
      while daemon.exists("queue/tiny.json") { usleep(1000) }
    }
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.status().count == 4)
    let log = try daemon.logText()
    #expect(log.contains("tiny: the same experiment is known"))
    for run in ["full-seed0", "full-seed1", "two-seed0", "two-seed1"] {
      #expect(log.split(separator: "\n").count { $0.hasSuffix("tiny/\(run): completed") } == 1)
    }
  }

  /// What cannot be a config is refused, whatever it is, and keeps nobody waiting.
  @Test func whatIsNoFileIsRefused() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(symlink("/etc/passwd", daemon.queue + "/link.json") == 0)
    #expect(mkfifo(daemon.queue + "/fifo.json", 0o600) == 0)
    #expect(mkdir(daemon.queue + "/folder.json", 0o700) == 0)
    try daemon.drop(String(repeating: " ", count: 2 << 20), as: "huge.json")
    try daemon.drop(ConfigText().text, as: "tiny.json")
    try daemon.wait { $0.submissions["tiny"] != nil }
    for name in ["link", "fifo", "folder", "huge"] {
      while !daemon.exists("queue/rejected/\(name).json.error.txt") { usleep(1000) }
    }
    #expect(try daemon.text("queue/rejected/link.json.error.txt").contains("symbolic link"))
    #expect(daemon.verb("wait").code == 0)
  }

  /// More runs than a submission may have.
  @Test func aPlanTooLargeIsRefusedWithAReason() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let seeds = "[" + (0..<2501).map(String.init).joined(separator: ",") + "]"
    try daemon.drop(ConfigText(seeds: seeds).text, as: "tiny.json")
    while !daemon.exists("queue/rejected/tiny.json.error.txt") { usleep(1000) }
    #expect(try daemon.text("queue/rejected/tiny.json.error.txt").contains("5002 runs"))
  }
}
