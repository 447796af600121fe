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
    #expect(daemon.verb("restart", "tiny/two-seed0").output == "tiny/two-seed0: begins again\n")
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == before)
    let log = try daemon.text("results/tiny/runs/two-seed0/run.log")
    #expect(log.components(separatedBy: "began: ").count == 3)
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
