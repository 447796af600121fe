import Files
import Foundation
import Testing

@testable import bitlab

struct ShutdownTests {
  @Test func runsGoOnAtTheNextStart() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let text = ConfigText(epochs: 60, training: #", "checkpoint_every_steps": 7"#).text
    #expect(try daemon.submit(text).code == 0)
    // A word too much may stand for something else than all of the daemon.
    #expect(daemon.verb("shutdown", "tiny").code == 2)
    for _ in 0..<4 {
      let said = daemon.verb("shutdown")
      #expect(said.code == 0 && said.errors.contains("process \(getpid())"))
      daemon.waitUntilStopped()
      #expect(try daemon.status().values.allSatisfy { $0["status"] as? String != "running" })
      try daemon.start(slots: 2)
    }
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
  }

  @Test func drainingLetsWhatRunsEnd() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(ConfigText(epochs: 40, seeds: "[0]").text).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    #expect(daemon.verb("shutdown", "--drain").code == 0)
    daemon.waitUntilStopped()
    let runs = try daemon.status()
    #expect(runs["tiny/full-seed0"]?["status"] as? String == "completed")
    #expect(runs["tiny/two-seed0"]?["status"] as? String == "queued")
  }

  @Test func aSecondOneHurriesADrain() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(daemon.verb("shutdown", "--drain").code == 0)
    #expect(daemon.verb("shutdown").code == 0)
    daemon.waitUntilStopped()
    #expect(try daemon.status()["long/full-seed0"]?["status"] as? String == "queued")
  }

  @Test func thereIsNoneToStop() throws {
    let daemon = try InProcessDaemon()
    let said = daemon.verb("shutdown")
    #expect(said.code == 69 && said.errors.contains("bitlab daemon --results"))
  }
}
