import Foundation
import Testing

/// The daemon killed at random moments, again and again: no run lost, none finished twice, none failed, progress made, and
/// the results the same to the byte as those of runs that nobody disturbed.
///
/// `make torture` runs 200 rounds; BITLAB_TORTURE_ROUNDS says how many.
struct TortureTests {
  /// At least one for each config.
  private static let rounds = max(
    3, ProcessInfo.processInfo.environment["BITLAB_TORTURE_ROUNDS"].flatMap { Int($0) } ?? 20)

  private static func config(_ number: Int, epochs: Int) -> String {
    ConfigText(
      name: "t\(number)", epochs: epochs, training: #", "checkpoint_every_steps": 13"#, seeds: "[\(number)]"
    ).text
  }

  @Test func killedAtRandomMoments() throws {
    let program = try Program()
    // Long enough that no round sees the end of all of them.
    let epochs = 60 * Self.rounds
    for number in 0..<3 {
      try program.put(Self.config(number, epochs: epochs), as: "t\(number).json")
      #expect(try program("run", "t\(number).json", "--results", "expected", "-q").code == 0)
    }
    var generator = SystemRandomNumberGenerator()
    var steps: [String: Int] = [:]
    for round in 0..<Self.rounds {
      let daemon = try RunningDaemon(program)
      if round < 3 { try program.drop(Self.config(round, epochs: epochs), as: "t\(round).json") }
      usleep(UInt32.random(in: 0..<400_000, using: &generator))
      daemon.kill()
      for (name, run) in try program.status() {
        #expect(run["status"] as? String != "failed", "round \(round): \(name): \(run["error"] ?? "")")
        let step = run["step"] as? Int ?? 0
        #expect(
          step >= steps[name] ?? 0, "round \(round): \(name) fell back from \(steps[name] ?? 0) to \(step)")
        steps[name] = step
      }
    }
    let daemon = try RunningDaemon(program)
    while try program.status().count < 6 {}
    #expect(try program("wait").code == 0)
    #expect(daemon.terminate() == 0)
    for number in 0..<3 {
      #expect(try program.results("results/t\(number)") == program.results("expected/t\(number)"))
    }
    #expect(try program.names("configs/queue").filter { $0.hasSuffix(".json") } == [])
    let log = try program.text("results/.bitlab/daemon.log")
    for name in steps.keys {
      let ends = log.split(separator: "\n").count { $0.hasSuffix("\(name): completed") }
      #expect(ends == 1, "\(name) completed \(ends) times")
    }
  }
}
