import Foundation
import TestSupport
import Testing

/// The daemon killed at random moments, again and again: no run lost, none finished twice, none failed, progress made, and
/// the results the same to the byte as those of runs that nobody disturbed.
///
/// `make torture` runs 200 rounds; BITLAB_TORTURE_ROUNDS says how many, BITLAB_TORTURE_SEED which moments.
struct TortureTests {
  @Test func killedAtRandomMoments() throws {
    // At least one for each config, and one of each kind.
    let rounds = max(4, Self.number("BITLAB_TORTURE_ROUNDS") ?? 20)
    let torture = try Torture(
      seed: UInt64(Self.number("BITLAB_TORTURE_SEED") ?? .random(in: 0..<1 << 32)), rounds)
    for _ in 0..<rounds { try torture.round() }
    try torture.end()
  }

  private static func number(_ variable: String) -> Int? {
    ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }
  }
}

private final class Torture {
  private let program: Program
  private let seed: UInt64
  private var generator: SplitMix64
  private var number = 0
  /// The names of the runs of each experiment that was handed in.
  private var submitted: [String: [String]] = [:]
  /// The furthest that each run has been seen.
  private var steps: [String: Int] = [:]

  /// When the daemon is killed.
  private enum Moment: CaseIterable {
    case whileItRuns, beforeItAnswers, afterACommand, afterProgress
  }

  init(seed: UInt64, _ rounds: Int) throws {
    program = try Program()
    self.seed = seed
    generator = SplitMix64(state: seed)
    // Long enough that no round sees the end of all of them.
    for number in 0..<3 {
      let config = ConfigText(
        name: "t\(number)", epochs: 25 * rounds, training: #", "checkpoint_every_steps": 13"#,
        seeds: "[\(number)]")
      try program.put(config.text, as: "t\(number).json")
      #expect(try program("run", "t\(number).json", "--results", "expected", "-q").code == 0)
    }
  }

  /// Where this is, for messages: what is needed to see it again.
  private var place: Comment { "round \(number), seed \(seed)" }

  func round() throws {
    defer { number += 1 }
    // Each kind in turn, so that no run dies six times without progress, and with that fails.
    let moment = number < 3 ? .whileItRuns : Moment.allCases[number % Moment.allCases.count]
    let daemon: RunningDaemon
    if moment == .beforeItAnswers {
      daemon = try RunningDaemon(starting: program)
      usleep(UInt32.random(in: 0..<60_000, using: &generator))
    } else {
      daemon = try RunningDaemon(program)
      check(try program.status())
      if number < 3 {
        submitted["t\(number)"] = ["t\(number)/full-seed\(number)", "t\(number)/two-seed\(number)"]
        try program.drop(program.text("t\(number).json"), as: "t\(number).json")
      }
      switch moment {
      case .whileItRuns: usleep(UInt32.random(in: 0..<400_000, using: &generator))
      case .afterACommand:
        try command()
        usleep(UInt32.random(in: 0..<5_000, using: &generator))
      case .afterProgress, .beforeItAnswers: try waitForProgress()
      }
    }
    daemon.kill()
    let runs = try program.status()
    check(runs)
    for (name, run) in runs {
      let step = run["step"] as? Int ?? 0
      #expect(step >= steps[name] ?? 0, "\(place): \(name) fell back from \(steps[name] ?? 0) to \(step)")
      steps[name] = step
    }
  }

  /// Steers what there is, or hands in something new: what was answered must hold.
  private func command() throws {
    if Bool.random(using: &generator) {
      let name = "t\(Int.random(in: 0..<3, using: &generator))"
      #expect(try program("pause", name).code == 0, place)
      #expect(try program("resume", name).code == 0, place)
    } else {
      let name = "extra\(number)"
      try program.put(
        ConfigText(name: name, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]").text,
        as: "\(name).json")
      #expect(try program("submit", "\(name).json").code == 0, place)
      submitted[name] = ["\(name)/full-seed0"]
    }
  }

  /// Returns when everything that runs has been further than ever, and has written two more checkpoints since.
  private func waitForProgress() throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline {
      let runs = try program.status()
      let running = runs.filter { $0.value["status"] as? String == "running" }
      let isFurther = running.allSatisfy { $0.value["step"] as? Int ?? 0 >= (steps[$0.key] ?? 0) + 2 * 13 }
      if running.isEmpty ? runs.values.allSatisfy({ $0["status"] as? String == "completed" }) : isFurther {
        return
      }
    }
    Issue.record("\(place): no progress in a minute")
  }

  /// That every run is known, or its config still waits in the watched folder, and that nothing has gone wrong.
  private func check(_ runs: [String: [String: Any]]) {
    for (experiment, names) in submitted where !program.exists("configs/queue/\(experiment).json") {
      for name in names {
        // What ended long ago is not listed, and is known by its record.
        let parts = name.split(separator: "/").map(String.init)
        let isKnown = runs[name] != nil || program.exists("results/\(parts[0])/runs/\(parts[1])/run.json")
        #expect(isKnown, "\(place): \(name) is lost")
      }
    }
    for (name, run) in runs {
      let status = run["status"] as? String ?? ""
      #expect(
        ["queued", "running", "completed"].contains(status),
        "\(place): \(name): \(status) \(run["error"] ?? "")")
    }
  }

  func end() throws {
    let daemon = try RunningDaemon(program)
    let names = Set(submitted.values.joined())
    // What is still in the watched folder is taken first.
    let deadline = Date(timeIntervalSinceNow: 60)
    while try program.names("configs/queue").contains(where: { $0.hasSuffix(".json") }), Date() < deadline {}
    #expect(try program("wait").code == 0, place)
    let runs = try program.status(ended: true)
    #expect(
      Set(runs.keys) == names && runs.values.allSatisfy { $0["status"] as? String == "completed" }, place)
    #expect(daemon.terminate() == 0)
    for number in 0..<3 {
      #expect(try program.results("results/t\(number)") == program.results("expected/t\(number)"), place)
    }
    #expect(try program.names("configs/queue").filter { $0.hasSuffix(".json") } == [], place)
    let log = try program.text("results/.bitlab/daemon.log").split(separator: "\n")
    for name in names {
      let ends = log.count { $0.hasSuffix("\(name): completed") }
      // It may have been completed by a process that did not live to say so.
      #expect(ends <= 1, "\(place): \(name) completed \(ends) times")
    }
  }
}
