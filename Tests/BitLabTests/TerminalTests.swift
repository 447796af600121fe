import Foundation
import Testing

/// Colours, and the table that is redrawn on a terminal.
struct TerminalTests {
  private static let escape = "\u{1B}["

  private static func program() throws -> Program {
    let program = try Program()
    try program.put(ConfigText(epochs: 40, seeds: "[0]").text, as: "tiny.json")
    return program
  }

  @Test func noColourWithoutATerminal() throws {
    let program = try Self.program()
    let result = try program("run", "tiny.json")
    #expect(!(result.errors + result.output).contains(Self.escape) && result.errors.contains("epoch 2:"))
  }

  @Test func colourWhereItIsAskedFor() throws {
    let program = try Self.program()
    let result = try program("run", "tiny.json", "--color=always")
    #expect(result.errors.contains("\(Self.escape)32mcompleted\(Self.escape)0m"))
    let verified = try program("data", "verify", "mnist", "--data", "nowhere", "--color", "always")
    #expect(verified.output.contains("\(Self.escape)33mmissing"))
  }

  @Test func onATerminalATableIsRedrawn() throws {
    let program = try Self.program()
    // Only the newest table waits to be drawn, so a run of a moment may show none.
    try program.put(ConfigText(epochs: 3_000, seeds: "[0]").text, as: "tiny.json")
    let said = try program.runOnTerminal("run", "tiny.json")
    #expect(said.contains("images/s") && said.contains("of 2 ended"), "\(said)")
    #expect(
      said.contains("tiny/full-seed0: \(Self.escape)32mcompleted\(Self.escape)0m, validation accuracy "))
    #expect(said.contains("A\(Self.escape)K"), "drawn over")
    #expect(!said.contains("epoch 1: train loss"))
  }

  /// Runs of a grid are told apart at any width, and after Ctrl-C the terminal is as if there had been no table.
  @Test(arguments: [50, 80]) func aTableFitsAndGoes(columns: Int) throws {
    let program = try Program()
    let endless = ConfigText(
      epochs: 1_000_000, training: #", "max_steps": 100000000"#,
      variants: #"{"name": "full-precision", "bits": 32}"#,
      seeds: "[0]", rest: #", "grid": {"training.learning_rate": [0.001, 0.0001]}"#)
    try program.put(endless.text, as: "tiny.json")
    let terminal = try PseudoTerminal(columns: UInt16(columns), rows: 24)
    let process = program.process(["run", "tiny.json", "--jobs", "2", "--set", "name=of-a-grid"])
    process.standardOutput = FileHandle.nullDevice
    try terminal.run(process)
    try terminal.waitForFrame { lines in
      lines.count == 4 && lines.allSatisfy { $0.count <= columns } && lines[0].hasPrefix("of-a-grid/…")
        && lines[1].prefix { $0 != " " } != lines[2].prefix { $0 != " " }
        && lines.last?.hasPrefix("2 running, 0 waiting, 0 of 2 ended") == true
    }
    Foundation.kill(process.processIdentifier, SIGINT)
    while terminal.readMore() {}
    process.waitUntilExit()
    let rest = terminal.said.components(separatedBy: "A\(Self.escape)K").last ?? ""
    #expect(process.code == 130 && !rest.contains("running") && !rest.contains("epoch"), "\(rest)")
  }

  @Test(
    arguments: [
      (["run", "tiny.json"], ["NO_COLOR": "1"]), (["run", "tiny.json", "--color", "never"], [:]),
    ])
  func colourCanBeTurnedOff(arguments: [String], environment: [String: String]) throws {
    let program = try Self.program()
    try program.put(ConfigText(epochs: 3_000, seeds: "[0]").text, as: "tiny.json")
    let said = try program.runOnTerminal(arguments, environment: environment)
    #expect(said.contains("tiny/full-seed0: completed") && said.contains("of 2 ended"))
    #expect(!said.contains("m\(Self.escape)") && !said.contains("\(Self.escape)1m"))
  }

  @Test func aDumbTerminalGetsLines() throws {
    let said = try Self.program().runOnTerminal(["run", "tiny.json"], environment: ["TERM": "dumb"])
    #expect(said.contains("epoch 1: train loss") && !said.contains(Self.escape))
  }

  @Test func quietIsQuietOnATerminalToo() throws {
    #expect(try Self.program().runOnTerminal("run", "tiny.json", "-q") == "")
  }
}

extension Program {
  fileprivate func runOnTerminal(_ arguments: String...) throws -> String { try runOnTerminal(arguments) }

  /// Runs the program with a terminal for stderr and returns what was written there.
  fileprivate func runOnTerminal(_ arguments: [String], environment: [String: String] = [:]) throws -> String
  {
    let terminal = try PseudoTerminal()
    let process = process(arguments, environment: environment)
    process.standardOutput = FileHandle.nullDevice
    try terminal.run(process)
    while terminal.readMore() {}
    process.waitUntilExit()
    #expect(process.code == 0, "\(terminal.said)")
    return terminal.said
  }
}
