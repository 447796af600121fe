import Foundation
import Testing

/// `bitlab run` when it is stopped in the middle and called again.
struct InterruptionTests {
  private static let config = ConfigText(
    epochs: 150, training: #", "checkpoint_every_steps": 7"#, seeds: "[0]"
  ).text

  /// The results of a run that nobody disturbs.
  private static func undisturbed(_ program: Program) throws -> [String: [UInt8]] {
    try program.put(config, as: "tiny.json")
    #expect(try program("run", "tiny.json", "--results", "undisturbed").code == 0)
    return try program.results("undisturbed/tiny")
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aSignalPausesAndTheSameCommandGoesOn(signal: Int32) throws {
    let program = try Program()
    let expected = try Self.undisturbed(program)
    let running = try program.start("run", "tiny.json")
    for run in ["full-seed0", "two-seed0"] { try running.read(until: "tiny/\(run): epoch 3:") }
    running.send(signal)
    #expect(running.finish() == (signal == SIGINT ? 130 : 143))
    #expect(
      running.said.contains("tiny/full-seed0: paused") && running.said.contains("checkpoints are written"))
    for run in ["full-seed0", "two-seed0"] {
      let record = try program.record("results/tiny", run)
      #expect(
        record["status"] as? String == "paused" && record["error"] is NSNull && record["ended"] is NSNull)
      #expect((record["step"] as? Int).map { $0 > 0 && $0 < 600 } == true)
      #expect(!program.exists("results/tiny/runs/\(run)/model.safetensors"))
    }
    #expect(try program.text("results/tiny/summary.csv").contains(",running\n"))
    let result = try program("run", "tiny.json")
    #expect(result.code == 0 && result.errors.contains("tiny/full-seed0: goes on after step"))
    #expect(try program.results("results/tiny") == expected)
  }

  @Test func runsThatHadNotBegunAreNotBegun() throws {
    let program = try Program()
    let expected = try Self.undisturbed(program)
    let running = try program.start("run", "tiny.json", "--jobs", "1")
    try running.read(until: "epoch 3:")
    running.send(SIGINT)
    #expect(running.finish() == 130)
    #expect(try program.names("results/tiny/runs") == ["full-seed0"])
    #expect(try program("run", "tiny.json").code == 0)
    #expect(try program.results("results/tiny") == expected)
  }

  @Test(arguments: [1, 2, 5, 11, 23, 40]) func killedAndCalledAgain(epoch: Int) throws {
    let program = try Program()
    let expected = try Self.undisturbed(program)
    let running = try program.start("run", "tiny.json")
    try running.read(until: "tiny/full-seed0: epoch \(epoch):")
    running.send(SIGKILL)
    #expect(running.finish() == -SIGKILL)
    let result = try program("run", "tiny.json")
    #expect(result.code == 0, "\(result.errors)")
    // An epoch is announced before its checkpoint is written, which may lag behind by one more.
    if epoch > 2 { #expect(result.errors.contains("tiny/full-seed0: goes on after step")) }
    #expect(try program.results("results/tiny") == expected)
  }

  @Test func killedAgainAndAgain() throws {
    let program = try Program()
    let expected = try Self.undisturbed(program)
    for epoch in [10, 30, 50, 90] {
      let running = try program.start("run", "tiny.json")
      try running.read(until: "epoch \(epoch):")
      running.send(SIGKILL)
      _ = running.finish()
    }
    #expect(try program("run", "tiny.json").code == 0)
    #expect(try program.results("results/tiny") == expected)
  }

  /// A Ctrl-C after the first signal does not wait for checkpoints.
  @Test func aSecondSignalEndsAtOnce() throws {
    let program = try Program()
    let expected = try Self.undisturbed(program)
    let running = try program.start("run", "tiny.json")
    try running.read(until: "epoch 3:")
    running.send(SIGTERM)
    running.send(SIGINT)
    #expect([130, 143].contains(running.finish()))
    #expect(try program("run", "tiny.json").code == 0)
    #expect(try program.results("results/tiny") == expected)
  }
}
