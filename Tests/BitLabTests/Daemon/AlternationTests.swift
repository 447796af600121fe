import Experiments
import Files
import Foundation
import TestSupport
import Testing

@testable import bitlab

/// A daemon and `bitlab run` take turns on a results folder: what one does the other finds in the files.
struct AlternationTests {
  private static let slow = ConfigText(
    epochs: 4_000, training: #", "checkpoint_every_steps": 50"#, variants: #"{"name": "full", "bits": 32}"#
  ).text

  private func run(_ daemon: InProcessDaemon, _ texts: String...) throws -> InProcessDaemon.Said {
    daemon.verb(["run"] + (try texts.map { try daemon.config($0, as: "\(UUID()).json") }), CapturedStreams())
  }

  private func record(_ daemon: InProcessDaemon, _ seed: Int) throws -> RunRecord {
    try RunRecord(reading: path(daemon, seed), in: POSIXFileSystem())
  }

  private func path(_ daemon: InProcessDaemon, _ seed: Int) -> String {
    "\(daemon.results)/tiny/runs/full-seed\(seed)/run.json"
  }

  /// As a `run` leaves a run that is killed.
  private func interrupt(_ daemon: InProcessDaemon, _ seed: Int) throws {
    var record = try record(daemon, seed)
    (record.status, record.ended) = (.running, nil)
    try record.write(to: path(daemon, seed), in: POSIXFileSystem())
  }

  /// Paused and cancelled in the queue, then trained by `run`: the next daemon takes it as it is, and the experiment ends.
  @Test func whatARunHasCompletedIsNotPausedAnyMore() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(Self.slow).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    #expect(daemon.verb("cancel", "tiny/full-seed1").code == 0)
    #expect(daemon.verb("pause", "tiny/full-seed0").code == 0)
    daemon.stop()
    #expect(try run(daemon, Self.slow).code == 0)
    let model = try POSIXFileSystem().readAll("\(daemon.results)/tiny/runs/full-seed1/model.safetensors")
    try daemon.start(slots: 1)
    #expect(daemon.verb("wait", "tiny").code == 0)
    try daemon.wait { $0.submissions.isEmpty }
    #expect(try daemon.status().values.allSatisfy { $0["status"] as? String == "completed" })
    #expect(daemon.verb("restart", "tiny/full-seed1").code == 2)
    #expect(
      try POSIXFileSystem().readAll("\(daemon.results)/tiny/runs/full-seed1/model.safetensors") == model)
    #expect(daemon.verb("remove", "tiny", "--yes").code == 0)
  }

  /// The same of runs that the queue has forgotten: of their ends it remembers only how they were.
  @Test func whatTheQueueHasForgottenIsAsItsFilesSay() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(Self.slow).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    #expect(daemon.verb("cancel", "tiny").code == 0)
    try daemon.wait { $0.submissions.isEmpty }
    daemon.stop()
    #expect(try run(daemon, Self.slow).code == 0)
    try daemon.start(slots: 1)
    let waited = daemon.verb("wait", "tiny")
    #expect(waited.code == 0 && waited.errors.contains("tiny/full-seed0: completed"), "\(waited)")
    #expect(daemon.verb("restart", "tiny").code == 2)
    #expect(try record(daemon, 0).status == .completed)
  }

  /// What a killed `run` has left nobody brings to its end by himself: who waits is told, and it is not removed.
  @Test func whatARunHasLeftHasNotEnded() throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText().text).code == 0)
    try interrupt(daemon, 1)
    func remove() throws {
      let refused = daemon.verb("remove", "tiny", "--yes")
      #expect(refused.code == 2 && refused.errors.contains("full-seed1 has not ended"), "\(refused)")
      #expect(daemon.exists("results/tiny/config.json"))
    }
    try remove()
    try daemon.start(slots: 1)
    try remove()
    let waited = daemon.verb("wait", "tiny")
    #expect(waited.code == 1)
    #expect(
      waited.errors.contains("tiny/full-seed1: queued; waits for its config to be run or submitted again"))
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(daemon.verb("remove", "tiny", "--yes").code == 0)
  }

  @Test(arguments: [false, true]) func whatThePlanNoLongerHasIsCancelled(byDaemon: Bool) throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText().text).code == 0)
    try interrupt(daemon, 1)
    let text = ConfigText(seeds: "[0]").text
    if byDaemon {
      try daemon.start(slots: 1)
      #expect(try daemon.submit(text).code == 0)
      #expect(daemon.verb("wait", "tiny").code == 0)
    } else {
      #expect(try run(daemon, text).code == 0)
    }
    let left = try record(daemon, 1)
    #expect(left.status == .cancelled && left.error?.contains("no longer has this run") == true)
    #expect(try record(daemon, 0).status == .completed)
  }

  /// Two configs of a name in one command are as one after the other.
  @Test func anExperimentGrowsWithinACommand() throws {
    let daemon = try InProcessDaemon()
    let said = try run(
      daemon, ConfigText(seeds: "[0]").text, ConfigText().text, ConfigText(epochs: 3).text)
    #expect(said.code == 0 && said.errors.contains("the experiment continues"), "\(said)")
    #expect(said.errors.contains("another config (training.epochs: 2, now 3) have that name"), "\(said)")
    #expect(try POSIXFileSystem().list(daemon.results).filter { !$0.hasPrefix(".") } == ["tiny", "tiny-2"])
    #expect(try daemon.text("results/tiny/config.1.json") == ConfigText(seeds: "[0]").text)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(ConfigText().text, "tiny"))
  }

  @Test func recordsFromBeforeThereWereHashesAreNamed() throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    var old = try record(daemon, 0)
    (old.runHash, old.dataSHA256) = (nil, nil)
    try old.write(to: path(daemon, 0), in: POSIXFileSystem())
    let said = try run(daemon, ConfigText().text)
    #expect(said.code == 0 && said.errors.contains("did not record what decides a run"), "\(said)")
    #expect(daemon.exists("results/tiny-2/config.json"))
  }

  /// Runs that begin together have one config to put back, also where it is gone.
  @Test(arguments: ["{", nil]) func aConfigIsPutBackOnce(content: String?) throws {
    let daemon = try InProcessDaemon(slots: 4)
    let variants = #"{"name": "full", "bits": 32}, {"name": "two", "bits": 2}, {"name": "one", "bits": 1}"#
    let text = InProcessDaemon.long(variants: variants)
    #expect(try daemon.submit(text).code == 0)
    let ids = ["full", "two", "one"].map { "long/\($0)-seed0" }
    func count() throws -> Int {
      try daemon.logText().components(separatedBy: "what was accepted is put back").count - 1
    }
    for round in 1...5 {
      for id in ids { try daemon.wait(for: id, "running") }
      try daemon.wait { daemon.exists("results/long/config.json") }
      daemon.stop()
      let config = daemon.results + "/long/config.json"
      if let content {
        try Data(content.utf8).write(to: URL(fileURLWithPath: config))
      } else {
        try POSIXFileSystem().remove(config)
      }
      try daemon.start(slots: 4)
      for id in ids { try daemon.wait(for: id, "running") }
      try daemon.wait {
        try daemon.exists("results/long/config.json") && daemon.text("results/long/config.json") == text
      }
      try daemon.wait { try count() >= round }
    }
    #expect(try daemon.status().values.allSatisfy { $0["status"] as? String == "running" })
    #expect(try count() == 5)
  }

  /// It is what its runs say it is.
  @Test(arguments: [false, true]) func anExperimentWithoutItsConfigContinues(byDaemon: Bool) throws {
    let daemon = try InProcessDaemon()
    let text = ConfigText(seeds: "[0]").text
    #expect(try run(daemon, text).code == 0)
    try POSIXFileSystem().remove(daemon.results + "/tiny/config.json")
    if byDaemon { try daemon.start(slots: 2) }
    let more = ConfigText(seeds: "[0, 1]").text
    let said = byDaemon ? try daemon.submit(more) : try run(daemon, more)
    #expect(said.code == 0, "\(said)")
    if byDaemon { #expect(daemon.verb("wait").code == 0) }
    #expect(!daemon.exists("results/tiny-2"))
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(more, "tiny"))
    // Another one is not taken for it.
    if byDaemon { daemon.stop() }
    try POSIXFileSystem().remove(daemon.results + "/tiny/config.json")
    #expect(try run(daemon, ConfigText(epochs: 3, seeds: "[0]").text).code == 0)
    #expect(daemon.exists("results/tiny-2/config.json"))
  }

  /// The config that it has grown to is known to whoever wrote it alone.
  @Test func aGrownConfigThatIsLostIsTold() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let variants = #"{"name": "full", "bits": 32}"#
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    try daemon.wait { daemon.exists("results/long/config.json") }
    daemon.stop()
    let grown = ConfigText(
      name: "long", epochs: 1_000_000, training: #", "checkpoint_every_steps": 50, "max_steps": 10000000"#,
      variants: variants, seeds: "[0, 1]"
    ).text
    let placement = ExperimentPlacement(results: ResultsFolder(daemon.results), files: POSIXFileSystem())
    let file = ConfigurationFile(path: "long.json", bytes: Array(grown.utf8))
    let (placed, fit, _) = placement.find(try Experiment(file), file) { _, _ in nil }
    guard case .continues(let continuation) = fit else { return #expect(Bool(false), "\(fit)") }
    try placement.update(file, of: placed, continuation)
    try Data("{".utf8).write(to: URL(fileURLWithPath: daemon.results + "/long/config.json"))
    try daemon.start(slots: 1)
    try daemon.wait(for: "long/full-seed0", "running")
    try daemon.wait {
      try daemon.logText().contains("had let the experiment grow since: run that config again")
    }
    #expect(try daemon.text("results/long/config.json") == InProcessDaemon.long())
  }

  /// A pipe in the place of a checkpoint keeps nobody waiting: it is put aside as one that is damaged.
  @Test func pipesInThePlaceOfCheckpoints() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(Self.slow).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    let folder = daemon.results + "/tiny/runs/full-seed0"
    func checkpoints() throws -> [String] {
      daemon.exists("results/tiny/runs/full-seed0")
        ? try POSIXFileSystem().list(folder).filter { $0.hasPrefix("checkpoint.") } : []
    }
    try daemon.wait { try !checkpoints().isEmpty }
    daemon.stop()
    let found = try checkpoints()
    for name in found {
      try POSIXFileSystem().remove("\(folder)/\(name)")
      try #require(mkfifo("\(folder)/\(name)", 0o600) == 0)
    }
    try daemon.start(slots: 1)
    #expect(daemon.verb("wait", "tiny").code == 0)
    for name in found { #expect(POSIXFileSystem().exists("\(folder)/\(name).damaged")) }
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(Self.slow, "tiny"))
  }

  /// A config that somebody has damaged under an experiment at work: what was accepted is put back, and the damaged one kept.
  @Test(arguments: ["", "{\"name\": ", "folder"]) func aDamagedConfigIsPutBack(content: String) throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(Self.slow).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    let config = daemon.results + "/tiny/config.json"
    daemon.stop()
    try POSIXFileSystem().remove(config)
    if content == "folder" {
      try FileManager.default.createDirectory(atPath: config, withIntermediateDirectories: true)
    } else {
      try Data(content.utf8).write(to: URL(fileURLWithPath: config))
    }
    #expect(daemon.verb("summary").code != 0 || content == "folder")
    try daemon.start(slots: 1)
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try daemon.text("results/tiny/config.json") == Self.slow)
    #expect(daemon.exists("results/tiny/config.json.damaged"))
    #expect(try daemon.logText().contains("was no config any more, kept as"))
    // Once the queue has forgotten it nobody knows what was there.
    try daemon.wait { $0.submissions.isEmpty }
    try Data("{".utf8).write(to: URL(fileURLWithPath: config))
    let said = daemon.verb("status", "tiny")
    #expect(said.code == 2 && said.errors.contains("config.json:1:2: error:"), "\(said)")
  }
}
