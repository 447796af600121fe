import Files
import Foundation
import Testing

@testable import bitlab

struct WaitTests {
  @Test func returnsWhenTheNamedOnesHaveEnded() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    let said = daemon.verb("wait", "tiny")
    #expect(said.code == 0 && said.errors.split(separator: "\n").count == 4)
    #expect(try daemon.status()["long/full-seed0"]?["status"] as? String == "running")
    // Whoever has waited reads the curves next.
    #expect(try daemon.text("results/tiny/summary.csv").contains(",completed\n"))
  }

  @Test func aRunThatFailedOrDivergedIsCodeOne() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText(name: "wild", rate: "1e30").text).code == 0)
    #expect(daemon.verb("wait").code == 1)
    let runs = try #require(try daemon.json("wait", "wild/full-seed0") as? [[String: Any]])
    #expect(runs.map { $0["status"] as? String } == ["diverged"])
  }

  @Test func nothingToWaitFor() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(daemon.verb("wait").code == 0)
    #expect(daemon.verb("wait", "nothing").code == 2)
  }
}
