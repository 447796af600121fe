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

  /// Code 1 would say that a run has failed.
  @Test func theDaemonsEndIsNotTheRuns() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    let streams = daemon.begin("wait")
    while daemon.clientCount == 0 { usleep(1000) }
    #expect(daemon.verb("shutdown").code == 0)
    daemon.waitUntilStopped()
    #expect(streams.wait(for: "wait ended with code 69", on: STDERR_FILENO))
    #expect(streams.text(STDERR_FILENO).contains("the daemon ended before it had answered"))
  }

  /// Not that the daemon has ended, which follows at once.
  @Test func whatADrainLetEndIsStillTold() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let text = ConfigText(epochs: 200, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    let streams = daemon.begin("wait")
    while daemon.clientCount == 0 { usleep(1000) }
    #expect(daemon.verb("shutdown", "--drain").code == 0)
    daemon.waitUntilStopped()
    #expect(streams.wait(for: "wait ended with code", on: STDERR_FILENO))
    #expect(streams.text(STDERR_FILENO).contains("wait ended with code 0"))
  }

  @Test func nothingToWaitFor() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(daemon.verb("wait").code == 0)
    #expect(daemon.verb("wait", "nothing").code == 2)
  }
}
