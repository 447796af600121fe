import Files
import Foundation
import Testing

@testable import bitlab

struct SubmitTests {
  /// A config that waits has its name, also for `bitlab run` while no daemon runs.
  @Test func whatWaitsKeepsItsName() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let tiny = ConfigText(seeds: "[0]").text
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(tiny).code == 0)
    daemon.stop()
    let other = try daemon.config(ConfigText(epochs: 1, seeds: "[7]").text, as: "other.json")
    let said = daemon.verb("run", other)
    #expect(said.code == 0 && said.errors.contains("tiny-2") && !daemon.exists("results/tiny"), "\(said)")
    try daemon.start(slots: 1)
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(tiny, "tiny"))
  }

  /// Somebody has put another experiment where an accepted one's results are to go: neither is taken for the other.
  @Test func anotherExperimentInItsPlace() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let (tiny, other) = (ConfigText(seeds: "[0]").text, ConfigText(epochs: 1, seeds: "[0]").text)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(tiny).code == 0)
    _ = try daemon.undisturbed(other, "tiny")
    try FileManager.default.moveItem(
      atPath: daemon.folder.file("undisturbed/tiny"), toPath: daemon.results + "/tiny")
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait").code == 1)
    let log = try daemon.logText()
    #expect(
      log.contains("tiny has come to hold results of another config (training.epochs: 1, now 2) since"),
      "\(log)")
    #expect(try daemon.text("results/tiny/config.json") == other)
    try daemon.wait { $0.submissions["tiny"] == nil }
    try FileManager.default.removeItem(atPath: daemon.results + "/tiny")
    #expect(try daemon.submit(tiny).code == 0)
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(tiny, "tiny"))
  }

  @Test func acceptedConfigsRunAsInTheForeground() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let said = try daemon.submit(ConfigText().text)
    #expect(said.code == 0 && said.output == "tiny: accepted, 4 runs\n")
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(ConfigText().text, "tiny"))
    #expect(try daemon.text("results/tiny/config.json") == ConfigText().text)
    #expect(try daemon.text("results/tiny/summary.csv").contains(",completed\n"))
  }

  @Test func theSameAgainIsRecognizedWhateverItsSpelling() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let again = try daemon.submit(ConfigText().text.replacingOccurrences(of: "\n", with: " "))
    #expect(again.code == 0 && again.output == "tiny: the same experiment is known; nothing to do again\n")
    #expect(try daemon.status().count == 4)
  }

  @Test func anotherConfigOfTheNameGetsAFolderOfItsOwn() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    let other = try daemon.submit(ConfigText(rate: "0.02").text)
    #expect(
      other.output
        == "tiny: results of another config (training.learning_rate: 0.01, now 0.02) have that name; these go to tiny-2\n"
    )
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.status().count == 8)
    #expect(daemon.exists("results/tiny-2/summary.csv"))
  }

  @Test func whatFailedOrWasCancelledGoesOn() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long("first")).code == 0)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("cancel", "tiny/two-seed1").code == 0)
    #expect(daemon.verb("cancel", "first").code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(
      try daemon.submit(ConfigText().text).output == "tiny: the same experiment is known; 1 run goes on\n")
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(ConfigText().text, "tiny"))
  }

  /// Somebody removed the results of an experiment that has ended: its config is welcome again.
  @Test func removedResultsAreComputedAnew() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let before = try experimentResults(daemon.results + "/tiny")
    try FileManager.default.removeItem(atPath: daemon.results + "/tiny")
    #expect(try daemon.submit(ConfigText().text).output == "tiny: accepted, 4 runs\n")
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == before)
    daemon.stop()
    try daemon.start(slots: 2)
    #expect(try daemon.status().values.allSatisfy { $0["status"] as? String == "completed" })
  }

  @Test func aWrongConfigAmongThemAndNoneIsSubmitted() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let (good, bad) = (
      try daemon.config(ConfigText().text, as: "good.json"), try daemon.config(#"{"nme": 1}"#, as: "bad.json")
    )
    let said = daemon.verb("submit", good, bad)
    #expect(said.code == 78 && said.errors.contains("bad.json:1:2: error: ") && said.output.isEmpty)
    #expect(daemon.verb("submit", good, daemon.folder.file("none.json")).code == 66)
    #expect(daemon.verb("submit").code == 2)
    #expect(try daemon.status().isEmpty)
  }

  @Test func jsonIsOneValue() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let path = try daemon.config(ConfigText().text, as: "tiny.json")
    let receipts = try #require(try daemon.json("submit", path) as? [[String: Any]])
    #expect(receipts.count == 1 && receipts[0]["outcome"] as? String == "accepted")
    #expect(receipts[0]["experiment"] as? String == "tiny" && receipts[0]["runs"] as? Int == 4)
  }
}
