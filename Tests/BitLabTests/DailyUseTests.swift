import Foundation
import Testing

/// An hour of somebody's work in a moment: everything typed into a shell at a terminal.
struct DailyUseTests {
  private static let columns = 80

  private let terminal: PseudoTerminal
  private let program: Program
  private let shell: Process

  init() throws {
    program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    terminal = try PseudoTerminal(columns: UInt16(Self.columns), rows: 24)
    shell = program.interactiveShell()
    try terminal.runWhole(shell)
    _ = try terminal.readText(until: "$ ")
    _ = try say("bind 'set enable-bracketed-paste off'")
  }

  /// Types a command and returns what stands on the terminal behind it when the prompt is back.
  private func say(_ keys: String, code: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> String
  {
    try terminal.type(keys + "\r")
    return try answer(code, sourceLocation)
  }

  private func answer(_ code: Int, _ sourceLocation: SourceLocation) throws -> String {
    let text = try terminal.readText(until: ">$ ", sourceLocation: sourceLocation)
    #expect(text.hasSuffix("<\(code)>$ "), "\(text)", sourceLocation: sourceLocation)
    return text
  }

  /// That a table, or a summary, has lines no longer than the terminal's.
  private func expectFits(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let lines = text.split(separator: "\r\n").filter { $0.contains("  ") }
    #expect(
      lines.count > 1 && lines.allSatisfy { $0.count <= Self.columns }, "\(text)",
      sourceLocation: sourceLocation)
  }

  /// Waits for a table of what runs, and presses Ctrl-C: the prompt is back, and nothing is left of the table.
  private func interrupt(
    _ isExpected: ([String]) -> Bool, code: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try terminal.waitForFrame(isExpected, sourceLocation: sourceLocation)
    try terminal.type("\u{3}")
    let text = try answer(code, sourceLocation)
    let rest = text.split(separator: PseudoTerminal.erased).last ?? ""
    #expect(!rest.contains("waiting") && !rest.contains("epoch"), "\(rest)", sourceLocation: sourceLocation)
    let screen = terminal.screen
    #expect(!screen.contains { $0.contains(" waiting") }, "\(screen)", sourceLocation: sourceLocation)
  }

  @Test func aSession() throws {
    defer { if shell.isRunning { shell.terminate() } }
    _ = try say("source <(bitlab completions bash)")
    #expect(try say("bitlab validate tiny.json --set training.epoch=3", code: 2).contains("\"epochs\""))
    let plan = try say("bitlab va\tti\t--est\t")
    #expect(plan.contains("bitlab validate tiny.json --estimate "), "\(plan)")
    for fact in ["tiny.json: ", "steps in all", "kB of memory", "; about "] {
      #expect(plan.contains(fact), "\(plan)")
    }

    let missing = try say("bitlab data list mnist", code: 65)
    #expect(missing.contains("bitlab data fetch mnist"), "\(missing)")
    let server = try MisbehavingServer([:], .missing)
    let fetched = try say("bitlab data fe\tmn\t--from \(server.place)", code: 65)
    #expect(fetched.contains("404") && fetched.contains("by hand"), "\(fetched)")

    let endless = "--set training.epochs=1000000 --set training.max_steps=100000000"
    try terminal.type("bitlab run tiny.json -j2 --set name=long --only 'full*' \(endless)\r")
    try interrupt({ $0.last?.hasPrefix("2 running, 0 waiting, 0 of 2 ended") == true }, code: 130)
    #expect(try say("bitlab run tiny.json -j2 --only 'full*'").contains("tiny/full-seed0: completed"))
    let summary = try say("bitlab run tiny.json")
    #expect(summary.contains("tiny/two-seed1: completed") && !summary.contains("full-seed0: completed"))
    expectFits(summary)

    _ = try say("bitlab daemon -qj2 & sleep 0")
    _ = try say("until [ -S results/.bitlab/socket ]; do sleep 0.1; done")
    _ = try say("bitlab submit - --set name=second \(endless) < tiny.json")
    try terminal.type("bitlab watch\r")
    try interrupt({ $0.last?.hasPrefix("2 running, 2 waiting") == true }, code: 130)
    // These wait, and have no folder yet. Both begin alike up to the digit.
    let cancelled = try say("bitlab cancel second/tw\t0 'second/full*'")
    #expect(cancelled.contains("second/two-seed0: cancelled"), "\(cancelled)")
    _ = try say("bitlab wait second/two-seed0 'second/full*'")
    let running = try say("bitlab status --running")
    expectFits(running)
    #expect(running.contains("second/two-seed1") && !running.contains("seed0"), "\(running)")
    _ = try say("bitlab cancel 'se*'")
    _ = try say("bitlab wait second")
    let ended = try say("bitlab status --ended 'second/*'")
    expectFits(ended)
    #expect(ended.contains("4 cancelled"), "\(ended)")
    #expect(try say("bitlab remove sec\t--yes").contains("second"))
    #expect(try !say("bitlab status").contains("second"))
    _ = try say("bitlab shutdown")
    _ = try say("wait")
    #expect(try program.names("results") == [".bitlab", "long", "tiny"])
    try terminal.type("exit\r")
    while terminal.readMore() {}
    shell.waitUntilExit()
    #expect(shell.code == 0)
  }
}
