import Files
import Foundation
import Testing

@testable import bitlab

struct WatchTests {
  @Test func showsWhatRunsUntilTheDaemonGoes() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("other")).code == 0)
    let streams = daemon.begin("watch")
    #expect(streams.wait(for: "1 running, 1 waiting, 0 of 2 ended", on: STDERR_FILENO))
    #expect(streams.text(STDERR_FILENO).contains(/\nlong\/full-seed0 +/))
    #expect(daemon.verb("cancel", "other").code == 0)
    #expect(streams.wait(for: "1 running, 0 waiting, 1 of 2 ended", on: STDERR_FILENO))
    daemon.stop()
    #expect(streams.wait(for: "watch ended with code", on: STDERR_FILENO))
    #expect(streams.text(STDERR_FILENO).hasSuffix("watch ended with code 69\n"))
  }

  /// A response holds so many rows; the numbers are of all, and what runs comes before what is paused.
  @Test func moreThanAScreenShowsIsCounted() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let count = StatusRow.mostInResponse + 50
    try daemon.submit((0..<count).map { InProcessDaemon.long("run\($0)") })
    #expect(daemon.verb(["pause"] + (0..<count - 1).map { "run\($0)" }, CapturedStreams()).code == 0)
    try daemon.wait(for: "run\(count - 1)/full-seed0", "running")
    let streams = CapturedStreams()
    let watching = Thread { [daemon = Unchecked(daemon)] in _ = daemon.value.verb(["watch"], streams) }
    watching.start()
    #expect(
      streams.wait(for: "1 running, \(count - 1) paused, 0 waiting, 0 of \(count) ended", on: STDERR_FILENO))
    #expect(streams.text(STDERR_FILENO).contains("\nrun\(count - 1)/full-seed0 "))
    daemon.stop()
  }

  @Test func jsonIsWhatThereIsNow() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    let value = try #require(try daemon.json("watch") as? [String: Any])
    #expect(value["total"] as? Int == 1 && value["ended"] as? Int == 0)
    #expect((value["runs"] as? [[String: Any]])?.first?["run"] as? String == "full-seed0")
  }

  @Test func onATerminalATableFollowsItsSize() throws {
    let program = try Program()
    let daemon = try RunningDaemon(program)
    let variants = (0..<12).map { #"{"name": "variant-\#($0)", "bits": 32}"# }.joined(separator: ", ")
    let config = InProcessDaemon.long("one-with-a-name-that-takes-room", variants: variants)
    try program.put(config, as: "long.json")
    #expect(try program("submit", "long.json").code == 0)
    #expect(try program("pause", "--all").code == 0)
    let terminal = try PseudoTerminal(columns: 120, rows: 40)
    let watching = program.process(["watch"])
    watching.standardOutput = FileHandle.nullDevice
    try terminal.run(watching)
    let name = "one-with-a-name-that-takes-room/variant-11-seed0"
    try terminal.waitForFrame { lines in
      lines.count == 14 && lines.contains { $0.hasPrefix(name + " ") && $0.hasSuffix(" paused") }
        && lines.last == "0 running, 12 paused, 0 waiting, 0 of 12 ended"
    }
    // Four lines are left to what else stands there.
    try terminal.resize(columns: 30, rows: 10)
    Foundation.kill(watching.processIdentifier, SIGWINCH)
    try terminal.waitForFrame { $0.count == 8 && $0.allSatisfy { line in line.count <= 30 } }
    try terminal.resize(columns: 200, rows: 50)
    Foundation.kill(watching.processIdentifier, SIGWINCH)
    try terminal.waitForFrame { lines in
      lines.count == 14 && lines.contains { $0.hasPrefix(name + " ") }
    }
    #expect(daemon.terminate() == 0)
    while terminal.readMore() {}
    watching.waitUntilExit()
    #expect(watching.code == 69)
  }

  @Test func nothingIsLeftAfterCtrlC() throws {
    let program = try Program()
    let daemon = try RunningDaemon(program)
    try program.put(InProcessDaemon.long(), as: "long.json")
    #expect(try program("submit", "long.json").code == 0)
    let terminal = try PseudoTerminal(columns: 80, rows: 24)
    let watching = program.process(["watch"])
    watching.standardOutput = FileHandle.nullDevice
    try terminal.run(watching)
    try terminal.waitForFrame { $0.count == 3 && $0[1].hasPrefix("long/full-seed0 ") }
    #expect(terminal.screen.count > 2)
    // The terminal shows the key.
    try terminal.type("\u{3}")
    Foundation.kill(watching.processIdentifier, SIGINT)
    while terminal.readMore() {}
    watching.waitUntilExit()
    #expect(watching.code == 130 && terminal.said.contains("^C"), "\(terminal.said.suffix(300))")
    #expect(terminal.screen == [], "\(terminal.screen)")
    #expect(daemon.terminate() == 0)
  }
}
