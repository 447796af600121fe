import Files
import Foundation
import Testing

/// Whose the folders are, seen from outside.
struct FolderOwnershipTests {
  /// Each has a results folder of its own, so that its lock says nothing of the other.
  @Test func oneDaemonTakesFromAWatchedFolder() throws {
    let program = try Program()
    let first = try RunningDaemon(program)
    let second = try program("daemon", "--results", "others")
    #expect(second.code == 75)
    #expect(
      second.errors.contains("configs/queue/.lock is locked by process \(first.process.processIdentifier)"),
      "\(second.errors)")
    #expect(first.terminate() == 0)
    let third = try RunningDaemon(program)
    #expect(third.terminate() == 0)
  }

  @Test func aResultsFolderThatIsMovedAwayEndsItsDaemon() throws {
    let program = try Program()
    let daemon = try RunningDaemon(program)
    try program.drop(InProcessDaemon.long(), as: "long.json")
    while !program.exists("results/long/runs/full-seed0/run.json") { usleep(5_000) }
    try FileManager.default.moveItem(atPath: program.file("results"), toPath: program.file("moved"))
    daemon.process.waitUntilExit()
    #expect(daemon.process.code == 75)
    #expect(try program.text("moved/.bitlab/daemon.log").contains("results was moved or removed"))
    // Whoever comes next finds nothing half made in its place, and goes on with what was moved back.
    #expect(!program.exists("results"))
    try FileManager.default.moveItem(atPath: program.file("moved"), toPath: program.file("results"))
    let next = try RunningDaemon(program)
    #expect(try program.status()["long/full-seed0"]?["status"] as? String == "running")
    #expect(next.terminate() == 0)
  }
}
