import Foundation
import TestSupport
import Testing

/// Experiments that grow, and runs that are taken over, while the process is killed again and again.
struct InterruptedGrowthTests {
  /// Runs of a second or so, with a checkpoint every few steps.
  private static func text(_ name: String, variants: String = "", seeds: String, rest: String = "") -> String
  {
    ConfigText(
      name: name, epochs: 250, training: #", "checkpoint_every_steps": 50"#,
      variants: #"{"name": "full", "bits": 32}"# + variants, seeds: seeds, rest: rest
    ).text
  }

  private static let two = #", {"name": "two", "bits": 2}"#
  private static let rates = #", "grid": {"training.learning_rate": [0.01, 0.02]}"#
  private static let moreRates = #", "grid": {"training.learning_rate": [0.01, 0.02, 0.03]}, "priority": 2"#
  private static let steps = [
    text("grown", seeds: "[0, 1]", rest: rates), text("grown", seeds: "[0, 1, 2]", rest: rates),
    text("grown", variants: two, seeds: "[0, 1, 2]", rest: moreRates),
    text("other", variants: two, seeds: "[2, 1, 0]", rest: moreRates),
  ]

  private func expectUndisturbed(_ program: Program) throws {
    for (name, text) in [("grown", Self.steps[2]), ("other", Self.steps[3])] {
      try program.put(text, as: "undisturbed.json")
      let whole = try program("run", "undisturbed.json", "-q", "--results", "undisturbed-\(name)")
      #expect(whole.code == 0, "\(whole.errors)")
      #expect(try program.results("results/\(name)") == program.results("undisturbed-\(name)/\(name)"))
    }
    // Each of the equal runs was trained once, wherever.
    for id in try program.names("results/other/runs") {
      let (grown, other) = (try program.record("results/grown", id), try program.record("results/other", id))
      let from = [grown, other].map { $0["reused_from"] as? String }
      #expect(from == [nil, "grown/\(id)"] || from == ["other/\(id)", nil], "\(from)")
    }
  }

  @Test(arguments: [1 as UInt64, 2]) func throughRun(seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    let program = try Program()
    for text in Self.steps {
      try program.put(text, as: "config.json")
      for _ in 0..<3 {
        let process = program.process(["run", "config.json", "-q"])
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        usleep(UInt32.random(in: 0..<300_000, using: &random))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
      }
      // The first steps are grown out of while their runs are under way.
    }
    for text in Self.steps[2...] {
      try program.put(text, as: "config.json")
      let last = try program("run", "config.json", "-q")
      #expect(last.code == 0, "\(last.errors)")
    }
    try expectUndisturbed(program)
  }

  @Test(arguments: [3 as UInt64, 4]) func throughTheDaemon(seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    let program = try Program()
    for text in Self.steps {
      try program.put(text, as: "config.json")
      let daemon = try RunningDaemon(program)
      #expect(try program("submit", "config.json").code == 0)
      usleep(UInt32.random(in: 0..<300_000, using: &random))
      daemon.kill()
    }
    let daemon = try RunningDaemon(program)
    #expect(try program("wait").code == 0)
    #expect(daemon.terminate() == 0)
    #expect(!program.exists("results/grown-2") && !program.exists("results/other-2"))
    try expectUndisturbed(program)
  }
}
