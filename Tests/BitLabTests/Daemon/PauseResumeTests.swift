import Files
import Foundation
import Testing

@testable import bitlab

struct PauseResumeTests {
  /// A run that is paused and resumed, again and again, ends with the same bytes.
  @Test func changesNoResult() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let text = ConfigText(epochs: 60, training: #", "checkpoint_every_steps": 7"#).text
    #expect(try daemon.submit(text).code == 0)
    for round in 0..<6 {
      #expect(daemon.verb("pause", round % 2 == 0 ? "tiny" : "--all").code == 0)
      #expect(daemon.verb("resume", "tiny").code == 0)
    }
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
  }

  @Test func aPausedRunFreesItsSlotAndStaysPaused() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("pause", "long/full-seed0").output == "long/full-seed0: paused\n")
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(daemon.verb("pause", "long").output == "long/full-seed0: is paused already\n")
    daemon.stop()
    try daemon.start(slots: 1)
    #expect(try daemon.status()["long/full-seed0"]?["status"] as? String == "paused")
    #expect(daemon.verb("resume", "long").output == "long/full-seed0: resumed\n")
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(daemon.verb("resume", "long").output == "long/full-seed0: is not paused\n")
  }

  @Test func whatCannotBeIsSaid() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText(seeds: "[0]").text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let said = daemon.verb("pause", "tiny/full-seed0")
    #expect(said.code == 0 && said.output == "tiny/full-seed0: has already ended: completed\n")
    let answers = try #require(try daemon.json("resume", "tiny/full-seed0") as? [[String: Any]])
    #expect(answers.count == 1 && answers[0]["changed"] as? Bool == false)
    let unknown = daemon.verb("pause", "tiny/fall-seed0")
    #expect(unknown.code == 2 && unknown.errors.contains("did you mean `tiny/full-seed0`?"))
    #expect(daemon.verb("pause").code == 2 && daemon.verb("pause", "--all", "tiny").code == 2)
  }
}
