import Files
import Foundation
import Testing

@testable import bitlab

struct RestartTests {
  @Test func anEndedRunBeginsFromNothing() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let text = ConfigText(seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let before = try experimentResults(daemon.results + "/tiny")
    #expect(daemon.verb("restart", "--yes", "tiny/two-seed0").output == "tiny/two-seed0: begins again\n")
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == before)
    let log = try daemon.text("results/tiny/runs/two-seed0/run.log")
    #expect(log.components(separatedBy: "began: ").count == 3)
  }

  /// Nothing of the attempt before is left, neither in the answers nor in the folder.
  @Test func restartedAndCancelledThereIsNothing() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(ConfigText(seeds: "[0]").text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.status()["tiny/two-seed0"]?["epoch"] as? Int == 2)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(daemon.verb("restart", "--yes", "tiny/two-seed0").code == 0)
    #expect(daemon.verb("cancel", "tiny/two-seed0").code == 0)
    try daemon.wait { $0.submissions["tiny"] == nil }
    let run = try daemon.status()["tiny/two-seed0"]
    #expect(run?["status"] as? String == "cancelled" && run?["epoch"] as? Int == 0)
    #expect(!daemon.exists("results/tiny/runs/two-seed0/model.safetensors"))
    #expect(try !daemon.text("results/tiny/curves.csv").contains("two"))
  }

  /// The files of an attempt go when the next one begins, so that a restart that nobody lived to carry out is not lost.
  @Test func aRestartSurvivesTheDaemon() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let text = ConfigText(seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.submit(InProcessDaemon.long(rest: #", "priority": 1"#)).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(daemon.verb("restart", "--yes", "tiny/two-seed0").code == 0)
    daemon.stop()
    #expect(daemon.exists("results/tiny/runs/two-seed0/model.safetensors"))
    try daemon.start(slots: 2)
    #expect(daemon.verb("wait", "tiny").code == 0)
    let log = try daemon.text("results/tiny/runs/two-seed0/run.log")
    #expect(log.components(separatedBy: "began: ").count == 3)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
  }

  /// Without its config an experiment cannot begin again; the config brings it back.
  @Test func removedExperimentsAskForTheirConfig() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let text = ConfigText(seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    try FileManager.default.removeItem(atPath: daemon.results + "/tiny")
    try daemon.wait { $0.submissions.isEmpty }
    let said = daemon.verb("restart", "--yes", "tiny/two-seed0")
    #expect(said.code == 2 && said.errors.contains("no run or experiment `tiny/two-seed0`"))
    #expect(try daemon.submit(text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
  }

  @Test func aCancelledRunToo() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(daemon.verb("restart", "long").output == "long/full-seed0: has not ended; cancel it first\n")
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(daemon.verb("restart", "long").code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    let log = "results/long/runs/full-seed0/run.log"
    while try daemon.text(log).components(separatedBy: "began: ").count < 3 { usleep(1000) }
    #expect(try !daemon.text(log).contains("goes on after"))
  }
}
