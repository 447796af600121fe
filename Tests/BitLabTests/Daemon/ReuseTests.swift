import Experiments
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import bitlab

/// The same run is never trained twice.
struct ReuseTests {
  private static let grid = #", "grid": {"training.learning_rate": [0.01]}"#

  private func record(_ daemon: InProcessDaemon, _ run: String) throws -> RunRecord {
    let parts = run.split(separator: "/")
    return try RunRecord(
      reading: "\(daemon.results)/\(parts[0])/runs/\(parts[1])/run.json", in: POSIXFileSystem())
  }

  private func run(_ daemon: InProcessDaemon, _ text: String, _ options: String...) throws
    -> InProcessDaemon.Said
  {
    daemon.verb(["run", try daemon.config(text, as: "\(UUID()).json")] + options, CapturedStreams())
  }

  private func isTrained(_ daemon: InProcessDaemon, _ run: String) throws -> Bool {
    let parts = run.split(separator: "/")
    return try daemon.text("results/\(parts[0])/runs/\(parts[1])/run.log").contains("began: ")
  }

  /// A process that dies between a run's record and the index leaves no run that nobody finds: the index comes first.
  @Test func aRunThatCompletesIsInTheIndexBeforeItSaysSo() throws {
    let daemon = try InProcessDaemon()
    let index = daemon.results + "/.bitlab/run-index"
    let looks = Mutex<[Bool]>([])
    let files = FaultyFileSystem(beforeRename: { path in
      guard path.contains(".run.json."), let text = try? POSIXFileSystem().readText(path),
        text.contains(#""status": "completed""#)
      else { return }
      let known = (try? POSIXFileSystem().readText(index)) ?? ""
      looks.withLock { $0.append(known.contains(" tiny/full-seed0\n")) }
    })
    try daemon.start(slots: 1, files: files)
    let text = ConfigText(variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(looks.withLock { $0 } == [true])
  }

  /// Other names, and a grid: the files are those that training would have written.
  @Test(arguments: [false, true])
  func anEqualRunIsTakenOver(byDaemon: Bool) throws {
    let daemon = try InProcessDaemon()
    if byDaemon { try daemon.start(slots: 2) }
    let other = ConfigText(
      name: "other",
      variants: #"{"name": "a, \"b\"", "bits": 32}"#.replacingOccurrences(of: #", \"b\""#, with: "b"),
      rest: Self.grid
    ).text
    for text in [ConfigText().text, other] {
      #expect((byDaemon ? try daemon.submit(text) : try run(daemon, text)).code == 0)
      if byDaemon { #expect(daemon.verb("wait").code == 0) }
    }
    let taken = try record(daemon, "other/ab-training.learning_rate=0.01-seed1")
    let source = try record(daemon, "tiny/full-seed1")
    #expect(taken.reusedFrom == "tiny/full-seed1" && taken.runHash == source.runHash)
    #expect(taken.status == .completed && taken.finalValidationLoss == source.finalValidationLoss)
    #expect(try !isTrained(daemon, "other/ab-training.learning_rate=0.01-seed1"))
    #expect(try isTrained(daemon, "tiny/full-seed1") && source.reusedFrom == nil)
    #expect(try experimentResults(daemon.results + "/other") == daemon.undisturbed(other, "other"))
    // A restart trains.
    if byDaemon {
      #expect(daemon.verb("restart", "other", "--yes").code == 0)
      #expect(daemon.verb("wait", "other").code == 0)
      #expect(try record(daemon, "other/ab-training.learning_rate=0.01-seed1").reusedFrom == nil)
      #expect(try isTrained(daemon, "other/ab-training.learning_rate=0.01-seed1"))
      #expect(try experimentResults(daemon.results + "/other") == daemon.undisturbed(other, "other"))
    }
  }

  @Test(arguments: [false, true])
  func whoeverWantsToTrainDoes(byDaemon: Bool) throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    let text = ConfigText(name: "other", seeds: "[0]").text
    if byDaemon {
      try daemon.start(slots: 1)
      let path = try daemon.config(text, as: "other.json")
      #expect(daemon.verb("submit", path, "--no-reuse").code == 0)
      #expect(daemon.verb("wait").code == 0)
    } else {
      #expect(try run(daemon, text, "--no-reuse").code == 0)
    }
    #expect(try isTrained(daemon, "other/full-seed0") && record(daemon, "other/full-seed0").reusedFrom == nil)
  }

  /// What trains now is waited for, and others pass meanwhile.
  @Test func aRunWaitsForItsEqual() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    while !daemon.exists("results/long/runs/full-seed0/run.json") { usleep(1000) }
    #expect(try daemon.submit(InProcessDaemon.long("equal")).code == 0)
    let names = (0..<12).map { "tiny\($0)" }
    try daemon.submit(
      names.enumerated().map {
        ConfigText(name: $1, variants: #"{"name": "full", "bits": 32}"#, seeds: "[\($0)]").text
      })
    #expect(daemon.verb(["wait"] + names, CapturedStreams()).code == 0)
    let status = try daemon.status()["equal/full-seed0"]
    #expect(status?["status"] as? String == "queued")
    #expect(
      status?["waiting_for"] as? String == "long/full-seed0, which trains the same run, to end",
      "\(status?["waiting_for"] ?? "nothing")")
    // It is not there to be taken over: the other one trains.
    #expect(daemon.verb("cancel", "long").code == 0)
    try daemon.wait(for: "equal/full-seed0", "running")
    #expect(daemon.verb("cancel", "equal").code == 0)
  }

  @Test func aCompletedEqualIsTakenOverByWhoWaited() throws {
    let daemon = try InProcessDaemon(slots: 2)
    func text(_ name: String) -> String {
      ConfigText(name: name, epochs: 400, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]").text
    }
    try daemon.submit([text("one"), text("two"), text("three")])
    #expect(daemon.verb("wait").code == 0)
    let trained = try ["one", "two", "three"].filter { try isTrained(daemon, "\($0)/full-seed0") }
    #expect(trained.count == 1)
    for name in ["one", "two", "three"] {
      #expect(try experimentResults(daemon.results + "/\(name)") == daemon.undisturbed(text(name), name))
    }
  }

  /// A byte in the middle of a file that an equal run left: no row is missing, and nothing says so but the checksum.
  @Test(arguments: ["curve.csv", "steps.csv", "model.safetensors"])
  func whatHasChangedSinceIsNotTakenOver(file: String) throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    let path = "\(daemon.results)/tiny/runs/full-seed0/\(file)"
    var bytes = try POSIXFileSystem().readAll(path)
    let place =
      file == "model.safetensors"
      ? bytes.count - 1 : try #require(bytes[(bytes.count / 2)...].firstIndex(of: UInt8(ascii: "1")))
    bytes[place] ^= 2
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let other = ConfigText(name: "other", seeds: "[0]").text
    let said = try run(daemon, other, "-v")
    #expect(said.code == 0 && said.errors.contains("\(file): is not what its run left"), "\(said)")
    #expect(try isTrained(daemon, "other/full-seed0"))
    #expect(try experimentResults(daemon.results + "/other") == daemon.undisturbed(other, "other"))
  }

  /// Records from before there were checksums are believed.
  @Test func aRecordWithoutChecksumsIsTakenOver() throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    let path = "\(daemon.results)/tiny/runs/full-seed0/run.json"
    var old = try record(daemon, "tiny/full-seed0")
    #expect(old.checksums?.count == 3)
    old.checksums = nil
    try old.write(to: path, in: POSIXFileSystem())
    #expect(try run(daemon, ConfigText(name: "other", seeds: "[0]").text).code == 0)
    let taken = try record(daemon, "other/full-seed0")
    #expect(taken.reusedFrom == "tiny/full-seed0" && taken.checksums?.count == 3)
  }

  /// The index can be lost, damaged or of another version: it is made anew from the records, and nothing is overwritten unread.
  @Test(arguments: [
    "", "bitlab run index 2\nnew things\n", "bitlab run", "nonsense\n", "bitlab run index 1\ngarbage\n",
  ])
  func anIndexThatCannotBeUsed(content: String) throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    let path = daemon.results + "/.bitlab/run-index"
    if content.isEmpty {
      try FileManager.default.removeItem(atPath: path)
    } else {
      try Data(content.utf8).write(to: URL(fileURLWithPath: path))
    }
    #expect(try run(daemon, ConfigText(name: "other", seeds: "[0]").text).code == 0)
    #expect(try record(daemon, "other/two-seed0").reusedFrom == "tiny/two-seed0")
    #expect(daemon.exists("results/.bitlab/run-index.damaged") == !content.isEmpty)
    if !content.isEmpty { #expect(try daemon.text("results/.bitlab/run-index.damaged") == content) }
  }

  /// An index tells where to look, not what is there.
  @Test(arguments: ["gone", "cut", "model", "limit"])
  func whatIsNotThereIsNotTakenOver(problem: String) throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    let folder = daemon.results + "/tiny/runs/full-seed0"
    switch problem {
    case "gone": try FileManager.default.removeItem(atPath: daemon.results + "/tiny")
    case "cut":
      let bytes = try POSIXFileSystem().readAll(folder + "/curve.csv")
      let end = try #require(bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")))
      try Data(bytes[...end]).write(to: URL(fileURLWithPath: folder + "/curve.csv"))
    case "model":
      try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder + "/model.safetensors"))
    default:
      var record = try record(daemon, "tiny/full-seed0")
      record.stoppedBy = RunRecord.timeLimit
      try record.write(to: folder + "/run.json", in: POSIXFileSystem())
    }
    let other = ConfigText(name: "other", seeds: "[0]").text
    #expect(try run(daemon, other).code == 0)
    #expect(try record(daemon, "other/full-seed0").reusedFrom == nil)
    #expect(try isTrained(daemon, "other/full-seed0"))
    #expect(try experimentResults(daemon.results + "/other") == daemon.undisturbed(other, "other"))
  }

  /// Results that somebody keeps as a reference are nobody's runs.
  @Test func aReferenceIsNotTakenOver() throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    try FileManager.default.moveItem(atPath: daemon.results + "/tiny", toPath: daemon.results + "/reference")
    try FileManager.default.removeItem(atPath: daemon.results + "/.bitlab/run-index")
    #expect(try run(daemon, ConfigText(name: "other", seeds: "[0]").text).code == 0)
    #expect(try record(daemon, "other/full-seed0").reusedFrom == nil)
  }

  /// Folders that were renamed or copied in are known too, and an index that goes while the daemon works is made anew.
  @Test func theIndexFollowsTheFolders() throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    try FileManager.default.moveItem(atPath: daemon.results + "/tiny", toPath: daemon.results + "/old")
    try daemon.start(slots: 1)
    #expect(try daemon.submit(ConfigText(name: "one", seeds: "[0]").text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try record(daemon, "one/full-seed0").reusedFrom == "old/full-seed0")
    for path in ["old", ".bitlab/run-index"] {
      try FileManager.default.removeItem(atPath: daemon.results + "/" + path)
    }
    #expect(try daemon.submit(ConfigText(name: "two", seeds: "[0]").text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try record(daemon, "two/full-seed0").reusedFrom == "one/full-seed0")
    daemon.stop()
    // Who finds them completed adds nothing.
    let before = try daemon.text("results/.bitlab/run-index")
    for _ in 0..<3 {
      for name in ["one", "two"] { _ = try run(daemon, ConfigText(name: name, seeds: "[0]").text) }
    }
    #expect(try daemon.text("results/.bitlab/run-index") == before)
  }

  /// A disk that is full while results are taken over costs nothing of what the run has done by itself.
  @Test func aTakeOverThatFailsLeavesTheRunAsItWas() throws {
    let daemon = try InProcessDaemon()
    let text = ConfigText(
      epochs: 300, training: #", "checkpoint_every_steps": 7"#, variants: #"{"name": "full", "bits": 32}"#,
      seeds: "[0]", rest: #", "time_limit_seconds": 0.001"#)
    #expect(try run(daemon, text.text).code == 0)
    var whole = text
    (whole.name, whole.rest) = ("whole", "")
    #expect(try run(daemon, whole.text).code == 0)
    let folder = daemon.results + "/tiny/runs/full-seed0"
    let step = ResultsFolder(daemon.results).experiment("tiny").run("full-seed0")
      .checkpoints(in: POSIXFileSystem()).newestStep
    #expect(step != nil)
    // The model cannot be put beside the others.
    let inTheWay = folder + "/.model.safetensors.taken.partial-1"
    try FileManager.default.createDirectory(atPath: inTheWay, withIntermediateDirectories: true)
    var longer = text
    longer.rest = #", "time_limit_seconds": 500"#
    #expect(try run(daemon, longer.text).code == 1)
    #expect(
      ResultsFolder(daemon.results).experiment("tiny").run("full-seed0").checkpoints(in: POSIXFileSystem())
        .newestStep == step)
    try FileManager.default.removeItem(atPath: inTheWay)
    #expect(try run(daemon, longer.text).code == 0)
    #expect(try record(daemon, "tiny/full-seed0").reusedFrom == "whole/full-seed0")
    #expect(
      try POSIXFileSystem().list(folder).allSatisfy { !$0.hasPrefix("checkpoint") && !$0.hasSuffix(".taken") }
    )
    var plain = text
    plain.rest = ""
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(plain.text, "tiny"))
  }

  /// Who starts the daemon decides also about what has been accepted before.
  @Test func aDaemonThatTrainsAll() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.submit(["one", "two"].map { ConfigText(name: $0, seeds: "[0]").text })
    daemon.stop()
    try daemon.start(slots: 1, reuses: false)
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try isTrained(daemon, "one/full-seed0") && isTrained(daemon, "two/full-seed0"))
  }
}
