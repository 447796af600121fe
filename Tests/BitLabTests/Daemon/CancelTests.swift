import Files
import Foundation
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

  @Test func everything() throws {
    let daemon = try InProcessDaemon(slots: 2)
    for number in 0..<4 { #expect(try daemon.submit(InProcessDaemon.long("long\(number)")).code == 0) }
    #expect(daemon.verb("pause", "long3").code == 0)
    #expect(daemon.verb("cancel", "--all").output.split(separator: "\n").count == 4)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.status().values.allSatisfy { $0["status"] as? String == "cancelled" })
  }
}
