import Files
import Foundation
import Testing

/// The daemon as a process: what goes in, what comes out, and how it is steered.
struct DaemonProcessTests {
  /// Long enough to be steered, far from its end.
  private static let long = ConfigText(
    name: "long", epochs: 100_000, training: #", "checkpoint_every_steps": 50, "max_steps": 1000000"#,
    seeds: "[0]"
  ).text

  @Test func droppedConfigsRunAndRefusedOnesSayWhy() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    #expect(try program("run", "tiny.json", "--results", "expected").code == 0)
    let daemon = try RunningDaemon(program)
    try program.drop(ConfigText().text, as: "tiny.json")
    try program.drop(#"{"name": "bad", "datset": {}}"#, as: "bad.json")
    try program.drop(ConfigText(name: "other", seeds: "[3]").text, as: "other.json")
    // Submitting takes its turn behind what was dropped before: it may be the one that finds them.
    var waited = try program("wait")
    while try program.status().count < 6 { waited = try program("wait") }
    #expect(waited.code == 0, "\(waited.errors)")
    #expect(try program("wait").code == 0)
    #expect(try program.results("results/tiny") == program.results("expected/tiny"))
    #expect(try program.text("results/tiny/summary.csv").contains(",completed\n"))
    #expect(try program.bytes("results/tiny/config.json") == Array(ConfigText().text.utf8))
    while !program.exists("configs/queue/rejected/bad.json.error.txt") {}
    #expect(
      try program.text("configs/queue/rejected/bad.json.error.txt").contains("did you mean \"dataset\"?"))
    #expect(try program.names("configs/queue").filter { $0.hasSuffix(".json") } == [])
    #expect(daemon.terminate() == 0)
  }

  @Test func oneProcessOwnsTheFolder() throws {
    let program = try Program()
    let daemon = try RunningDaemon(program)
    try program.put(ConfigText().text, as: "tiny.json")
    for arguments in [["daemon"], ["run", "tiny.json"]] {
      let process = program.process(arguments)
      let pipe = Pipe()
      process.standardError = pipe
      try process.run()
      let errors = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.code == 75 && errors.contains("\(daemon.process.processIdentifier)"), "\(errors)")
    }
  }

  @Test func steering() throws {
    let program = try Program()
    let daemon = try RunningDaemon(program)
    try program.put(Self.long, as: "long.json")
    let submitted = try program("submit", "long.json")
    #expect(submitted.code == 0 && submitted.output.contains("long: accepted, 2 runs"), "\(submitted.errors)")
    #expect(
      try program("submit", "long.json").output.contains("the same experiment is known; nothing to do again"))
    #expect(try program("pause", "long/full-seed0").output == "long/full-seed0: paused\n")
    #expect(try program.status()["long/full-seed0"]?["status"] as? String == "paused")
    #expect(try program("pause", "long/full-seed0").output == "long/full-seed0: is paused already\n")
    #expect(try program("resume", "long").code == 0)
    #expect(try program("cancel", "long/two-seed0").code == 0)
    #expect(try program("wait", "long/two-seed0").code == 0)
    #expect(try program.status()["long/two-seed0"]?["status"] as? String == "cancelled")
    let again = try program("cancel", "long/two-seed0")
    #expect(again.code == 0 && again.output == "long/two-seed0: has already ended: cancelled\n")
    let unknown = try program("pause", "long/full-seed1")
    #expect(unknown.code == 2 && unknown.errors.contains("did you mean `long/full-seed0`?"))
    #expect(try program("restart", "--yes", "long/two-seed0").output == "long/two-seed0: begins again\n")
    #expect(try program("cancel", "--all").code == 0)
    #expect(try program("wait").code == 0)
    #expect(try program("logs", "long/full-seed0").output.contains("began:"))
    #expect(try program("shutdown").code == 0)
    daemon.process.waitUntilExit()
    #expect(daemon.process.code == 0)
  }

  @Test func aShutdownLeavesRunsToTheNextStart() throws {
    let program = try Program()
    let config = ConfigText(epochs: 200, training: #", "checkpoint_every_steps": 7"#, seeds: "[0]").text
    try program.put(config, as: "tiny.json")
    #expect(try program("run", "tiny.json", "--results", "expected").code == 0)
    let first = try RunningDaemon(program)
    #expect(try program("submit", "tiny.json").code == 0)
    #expect(first.terminate() == 0)
    let between = try program.status()
    #expect(between.count == 2 && between.values.allSatisfy { $0["status"] as? String != "running" })
    let second = try RunningDaemon(program)
    #expect(try program("wait").code == 0)
    #expect(try program.results("results/tiny") == program.results("expected/tiny"))
    #expect(second.terminate() == 0)
  }

  @Test func verbsWithoutADaemon() throws {
    let program = try Program()
    for verb in ["watch", "wait", "shutdown"] {
      let result = try program(verb)
      #expect(result.code == 69 && result.errors.contains("bitlab daemon"), "\(verb): \(result.errors)")
    }
    try program.put(ConfigText().text, as: "tiny.json")
    #expect(try program("submit", "tiny.json").code == 69)
    #expect(try program("run", "tiny.json").code == 0)
    let runs = try program.status()
    #expect(runs.count == 4 && runs.values.allSatisfy { $0["status"] as? String == "completed" })
    #expect(try program("logs", "tiny/full-seed0").output.contains("completed"))
    #expect(try program("logs", "tiny/ful-seed0").errors.contains("did you mean `tiny/full-seed0`?"))
  }

  @Test func whatEndsIsToldToTheHook() throws {
    let program = try Program()
    let daemon = try RunningDaemon(
      program, "--on-finish", "echo $BITLAB_EXPERIMENT $BITLAB_STATUS $BITLAB_FOLDER >> told.txt")
    try program.put(ConfigText().text, as: "tiny.json")
    #expect(try program("submit", "tiny.json").code == 0)
    #expect(try program("wait").code == 0)
    let deadline = Date(timeIntervalSinceNow: 60)
    while !program.exists("told.txt"), Date() < deadline {}
    #expect(daemon.terminate() == 0)
    #expect(
      try program.text("told.txt") == "tiny completed \(FilePath.absolute(program.file("results/tiny")))\n")
  }

  /// A run that brings the process down each time is tried beside others, then alone, then fails; the others complete.
  @Test func aRunThatKillsTheProcessFailsAndTheOthersDoNot() throws {
    let program = try Program()
    // No checkpoint before its one epoch is over, which nobody lives to see.
    let deadly = #"""
      {"name": "deadly", "dataset": {"name": "digits"}, "model": {"type": "mlp", "hidden": [2048, 2048]},
       "training": {"epochs": 1, "batch_size": 1, "learning_rate": 0.01},
       "variants": [{"name": "full", "bits": 32}], "seeds": [0]}
      """#
    try program.put(deadly, as: "deadly.json")
    try program.put(ConfigText().text, as: "tiny.json")
    for death in 1...6 {
      let daemon = try RunningDaemon(program)
      if death == 1 {
        let submitted = try program("submit", "deadly.json", "tiny.json")
        try #require(submitted.code == 0, "\(submitted.errors)")
        #expect(try program("wait", "tiny").code == 0)
      }
      var run: [String: Any]?
      while run?["status"] as? String != "running" {
        run = try program.status()["deadly/full-seed0"]
        try #require(run?["status"] as? String != "failed", "\(run ?? [:])")
      }
      if death == 4 {
        // It is alone now: who comes later waits for it.
        try program.put(ConfigText(name: "later").text, as: "later.json")
        #expect(try program("submit", "later.json").code == 0)
        #expect(
          try program.status()["later/full-seed0"]?["waiting_for"] as? String == "a run that runs alone")
      }
      daemon.kill()
      #expect(try program.status()["deadly/full-seed0"]?["status"] as? String == "queued")
    }
    let daemon = try RunningDaemon(program)
    #expect(try program("wait").code == 1)
    let runs = try program.status()
    #expect(runs.filter { $0.value["status"] as? String == "completed" }.count == 8)
    #expect(runs["deadly/full-seed0"]?["status"] as? String == "failed")
    let error = runs["deadly/full-seed0"]?["error"] as? String
    #expect(error?.contains("died 6 times") == true && error?.contains("nothing else running") == true)
    #expect(daemon.terminate() == 0)
  }

  @Test func hangupOpensTheLogAnew() throws {
    let program = try Program()
    let daemon = try RunningDaemon(program)
    let log = "results/.bitlab/daemon.log"
    try FileManager.default.moveItem(atPath: program.file(log), toPath: program.file("moved.log"))
    Foundation.kill(daemon.process.processIdentifier, SIGHUP)
    while !program.exists(log) { usleep(1000) }
    #expect(daemon.terminate() == 0)
    #expect(try program.text("moved.log").contains("watching "))
    #expect(try program.text(log).hasSuffix(" stopped\n"))
  }
}
