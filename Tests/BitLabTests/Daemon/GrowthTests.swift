import Experiments
import Files
import Foundation
import Scheduler
import Testing

@testable import bitlab

/// A config of the same name with more: the experiment goes on in its folder.
struct GrowthTests {
  private static let variants = #"{"name": "full", "bits": 32}, {"name": "two", "bits": 2}"#
  private static let grid = #", "grid": {"training.learning_rate": [0.01, 0.02]}"#
  private static let widerGrid = #", "grid": {"training.learning_rate": [0.01, 0.02, 0.03]}"#
  private static let more = variants + #", {"name": "one", "bits": 1}"#

  /// What an experiment grows through: seeds, then a variant and a rate more.
  private static let steps = [
    ConfigText(variants: variants, seeds: "[0, 1]", rest: grid).text,
    ConfigText(variants: variants, seeds: "[0, 1, 2]", rest: grid).text,
    ConfigText(variants: more, seeds: "[0, 1, 2]", rest: widerGrid).text,
  ]
  private static let counts = [8, 12, 27]

  /// Every record in an experiment's folder, byte for byte.
  private func records(_ folder: String) throws -> [String: [UInt8]] {
    let files = POSIXFileSystem()
    return Dictionary(
      uniqueKeysWithValues: try files.list(folder + "/runs").map {
        ($0, try files.readAll("\(folder)/runs/\($0)/run.json"))
      })
  }

  private func run(_ daemon: InProcessDaemon, _ text: String, _ options: String...) throws
    -> InProcessDaemon.Said
  {
    daemon.verb(["run", try daemon.config(text, as: "\(UUID()).json")] + options, CapturedStreams())
  }

  @Test(arguments: [false, true])
  func aGrownExperimentHasTheResultsOfOneThatBeganSo(byDaemon: Bool) throws {
    let daemon = try InProcessDaemon()
    if byDaemon { try daemon.start(slots: 2) }
    let tiny = daemon.results + "/tiny"
    var before: [String: [UInt8]] = [:]
    for (number, text) in Self.steps.enumerated() {
      let said = byDaemon ? try daemon.submit(text) : try run(daemon, text)
      #expect(said.code == 0, "\(said)")
      if byDaemon { #expect(daemon.verb("wait").code == 0) }
      if number > 0 {
        let note = byDaemon ? said.output : said.errors
        let added = Self.counts[number] - Self.counts[number - 1]
        #expect(note.contains("tiny: the experiment continues with its new config; \(added) runs to train; "))
        #expect(try daemon.text("results/tiny/config.\(number).json") == Self.steps[number - 1])
      }
      #expect(try daemon.text("results/tiny/config.json") == text)
      let now = try records(tiny)
      #expect(now.count == Self.counts[number])
      // What had ended is left alone, to the byte.
      for (id, record) in before { #expect(now[id] == record) }
      before = now
    }
    #expect(!daemon.exists("results/tiny-2") && !daemon.exists("results/tiny/config.3.json"))
    #expect(try experimentResults(tiny) == daemon.undisturbed(Self.steps[2], "tiny"))
    let rows = try daemon.text("results/tiny/summary.csv").split(separator: "\n")
    #expect(rows.count == 1 + 9)
    // Nothing is left to do.
    let again = byDaemon ? try daemon.submit(Self.steps[2]) : try run(daemon, Self.steps[2])
    #expect(again.code == 0 && !(again.output + again.errors).contains("continues"))
    #expect(try records(tiny) == before)
  }

  /// What keeps a config from continuing an experiment is said, by its keys.
  @Test(arguments: [false, true])
  func anotherRunIsAnotherExperiment(byDaemon: Bool) throws {
    let daemon = try InProcessDaemon()
    if byDaemon { try daemon.start(slots: 2) }
    func said(_ text: String) throws -> String {
      let said = byDaemon ? try daemon.submit(text) : try run(daemon, text)
      if byDaemon { #expect(daemon.verb("wait").code == 0) }
      return said.output + said.errors
    }
    _ = try said(ConfigText(seeds: "[0]").text)
    let before = try records(daemon.results + "/tiny")
    let other = ConfigText(epochs: 3, training: #", "shuffle": false"#, seeds: "[0, 1]").text
    let note = try said(other)
    #expect(
      note.contains(
        "tiny: results of another config (training.epochs: 2, now 3, training.shuffle: true, now false) have that "
          + "name; these go to "), "\(note)")
    #expect(try records(daemon.results + "/tiny") == before)
    #expect(try records(daemon.results + "/tiny-2").count == 4)
    // That one grows in its own folder.
    let more = ConfigText(epochs: 3, training: #", "shuffle": false"#, seeds: "[0, 1, 2]").text
    #expect(try said(more).contains("tiny-2: the experiment continues with its new config; 2 runs to train"))
    #expect(try records(daemon.results + "/tiny-2").count == 6 && !daemon.exists("results/tiny-3"))
  }

  /// What decides no run's results changes nothing but the config.
  @Test func priorityThreadsAndLimits() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let before = try records(daemon.results + "/tiny")
    let rest = #", "priority": 3, "threads": 1, "max_retries": 2, "time_limit_seconds": 500"#
    let text = ConfigText(rest: rest).text
    let said = try daemon.submit(text).output
    #expect(said == "tiny: the experiment continues with its new config; 4 runs left as they are\n")
    #expect(
      try daemon.text("results/tiny/config.json") == text && daemon.exists("results/tiny/config.1.json"))
    #expect(try records(daemon.results + "/tiny") == before)
    try daemon.wait { $0.submissions.isEmpty }
  }

  /// Runs that the plan no longer has stay on the disk and leave the summary.
  @Test func whatThePlanNoLongerHas() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let text = ConfigText(variants: #"{"name": "full", "bits": 32}"#, seeds: "[1, 5]").text
    let said = try daemon.submit(text).output
    #expect(
      said.contains("1 run to train; 1 run left as it is; no longer in the plan, kept on disk: ")
        && said.contains("two-seed0"), "\(said)")
    #expect(daemon.verb("wait").code == 0)
    #expect(daemon.exists("results/tiny/runs/two-seed0/model.safetensors"))
    #expect(try !daemon.text("results/tiny/curves.csv").contains("two"))
    #expect(try daemon.text("results/tiny/summary.csv").split(separator: "\n").count == 2)
    // And come back with the plan that has them.
    #expect(try daemon.submit(ConfigText().text).output.contains("4 runs left as they are"))
  }

  /// An experiment grows while it runs and waits: what is no longer wanted ends, the rest goes on.
  @Test func anExperimentGrowsInTheQueue() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long("first")).code == 0)
    try daemon.wait(for: "first/full-seed0", "running")
    #expect(try daemon.submit(ConfigText(seeds: "[0, 1]").text).code == 0)
    let said = try daemon.submit(ConfigText(seeds: "[1, 2]", rest: #", "priority": 2"#).text).output
    #expect(
      said.contains("2 runs to train") && said.contains("no longer in the plan, cancelled: "), "\(said)")
    let status = try daemon.status()
    #expect(status["tiny/two-seed0"]?["status"] as? String == "cancelled")
    #expect(status["tiny/two-seed2"]?["status"] as? String == "queued")
    // A conflict with what waits is one too.
    let other = try daemon.submit(ConfigText(epochs: 3, seeds: "[1]").text).output
    #expect(other.contains("(training.epochs: 2, now 3)") && other.contains("these go to tiny-2"), "\(other)")
    daemon.stop()
    try daemon.start(slots: 2)
    #expect(daemon.verb("cancel", "first").code == 0)
    #expect(daemon.verb("wait").code == 0)
    let text = ConfigText(seeds: "[1, 2]").text
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
  }

  /// Both in one batch, in this order.
  @Test func oneBatchCanGrowAnExperiment() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let (one, two) = (ConfigText(seeds: "[0]").text, ConfigText(seeds: "[0, 1]").text)
    try daemon.submit([one, two, one])
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.text("results/tiny/config.json") == one && !daemon.exists("results/tiny-2"))
  }

  /// The daemon has an experiment in its queue, and `run` lets it grow while no daemon runs.
  @Test func runGrowsWhatTheDaemonHasBegun() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let long = ConfigText(
      epochs: 3_000, training: #", "checkpoint_every_steps": 50"#, variants: #"{"name": "full", "bits": 32}"#,
      seeds: "[0]")
    var grown = long
    grown.seeds = "[0, 1]"
    #expect(try daemon.submit(long.text).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    while !daemon.exists("results/tiny/runs/full-seed0/run.json") { usleep(1000) }
    daemon.stop()
    let said = try run(daemon, grown.text)
    #expect(said.code == 0 && said.errors.contains("the experiment continues"), "\(said)")
    let before = try records(daemon.results + "/tiny")
    try daemon.start(slots: 1)
    #expect(daemon.verb("wait").code == 0)
    try daemon.wait { $0.submissions.isEmpty }
    #expect(try records(daemon.results + "/tiny") == before)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(grown.text, "tiny"))
    #expect(try !daemon.logText().contains("has been changed"))
  }

  /// A run that its time limit ended goes on when it may take longer, and not before.
  @Test func aRaisedTimeLimit() throws {
    let daemon = try InProcessDaemon(slots: 1)
    func text(_ limit: String) -> String {
      ConfigText(
        epochs: 300, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]",
        rest: #", "time_limit_seconds": "# + limit
      ).text
    }
    #expect(try daemon.submit(text("0.001")).code == 0)
    #expect(daemon.verb("wait").code == 0)
    func record() throws -> RunRecord {
      try RunRecord(reading: daemon.results + "/tiny/runs/full-seed0/run.json", in: POSIXFileSystem())
    }
    #expect(try record().stoppedBy == "time_limit_seconds" && record().step < 1200)
    #expect(try daemon.submit(text("0.001")).output.contains("nothing to do again"))
    #expect(try daemon.submit(text("500")).output.contains("1 run to train"))
    #expect(daemon.verb("wait").code == 0)
    #expect(try record().stoppedBy == nil && record().step == 1200)
    let whole = ConfigText(epochs: 300, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]").text
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(whole, "tiny"))
  }

  /// Records of a program that knew no hashes count by their config.
  @Test func recordsWithoutAHash() throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    for id in ["full-seed0", "two-seed0"] {
      let path = daemon.results + "/tiny/runs/\(id)/run.json"
      var record = try RunRecord(reading: path, in: POSIXFileSystem())
      record.runHash = nil
      try record.write(to: path, in: POSIXFileSystem())
    }
    let before = try records(daemon.results + "/tiny")
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    #expect(try records(daemon.results + "/tiny") == before)
    let more = try run(daemon, ConfigText(seeds: "[0, 1]").text)
    #expect(more.code == 0 && more.errors.contains("results/tiny-2"), "\(more)")
  }

  /// Ended runs stay where the data have other content, and that is said.
  @Test(arguments: [false, true])
  func otherDataAreSaid(withMore: Bool) throws {
    let daemon = try InProcessDaemon()
    let text = ConfigText(seeds: "[0]").text
    #expect(try run(daemon, text).code == 0)
    let path = daemon.results + "/tiny/runs/full-seed0/run.json"
    var record = try RunRecord(reading: path, in: POSIXFileSystem())
    let plan = try #require(
      try PlacedExperiment(reading: "tiny", in: ResultsFolder(daemon.results), POSIXFileSystem()))
    record.dataSHA256 = String(repeating: "0", count: 64)
    record.runHash = plan.run("full-seed0")?.hash(
      dataSHA256: record.dataSHA256 ?? "", in: POSIXFileSystem())
    try record.write(to: path, in: POSIXFileSystem())
    let said = try run(daemon, withMore ? ConfigText(seeds: "[0, 1]").text : text)
    #expect(
      said.code == 0
        && said.errors.contains(
          "tiny: 1 run that has ended was trained on data of other content than there is now: left as they are"
        ),
      "\(said)")
    #expect(try RunRecord(reading: path, in: POSIXFileSystem()) == record)
  }

  /// What a record that cannot be read stands for is not written over by another config's run.
  @Test(arguments: ["damaged", "later", "gone", "cut"])
  func aRecordThatCannotBeReadKeepsItsResults(problem: String) throws {
    let daemon = try InProcessDaemon()
    let text = ConfigText(seeds: "[0]").text
    #expect(try run(daemon, text).code == 0)
    let tiny = daemon.results + "/tiny"
    let before = try experimentResults(tiny)
    for id in ["full-seed0", "two-seed0"] {
      let url = URL(fileURLWithPath: tiny + "/runs/\(id)/run.json")
      let record = try String(contentsOf: url, encoding: .utf8)
      switch problem {
      case "damaged": try Data("garbage".utf8).write(to: url)
      case "later":
        try Data(record.replacing("\"completed\"", with: "\"archived\"").utf8).write(to: url)
      case "cut": try Data(record.utf8.prefix(100)).write(to: url)
      default: try FileManager.default.removeItem(at: url)
      }
    }
    let other = try run(daemon, ConfigText(epochs: 3, seeds: "[0]").text)
    #expect(other.code == 0 && other.errors.contains("(training.epochs: 2, now 3)"), "\(other)")
    #expect(try experimentResults(tiny) == before && daemon.exists("results/tiny-2/summary.csv"))
    // More of the same is welcome.
    #expect(try run(daemon, ConfigText(seeds: "[0, 1]").text).errors.contains("the experiment continues"))
    #expect(try experimentResults(tiny) == daemon.undisturbed(ConfigText(seeds: "[0, 1]").text, "tiny"))
  }

  /// An experiment that has grown and shrunk again: an edit by hand is still one.
  @Test func anEditAfterGrowthIsNotUsed() throws {
    let daemon = try InProcessDaemon(slots: 1)
    func text(_ seeds: String, rate: String = "0.01") -> String {
      ConfigText(
        epochs: 300, rate: rate, training: #", "checkpoint_every_steps": 7"#,
        variants: #"{"name": "full", "bits": 32}"#, seeds: seeds
      ).text
    }
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    for seeds in ["[0, 1]", "[0, 1, 2]", "[0, 1]"] { #expect(try daemon.submit(text(seeds)).code == 0) }
    let edited = URL(fileURLWithPath: daemon.results + "/tiny/config.json")
    #expect(try String(contentsOf: edited, encoding: .utf8) == text("[0, 1]"))
    try Data(text("[0, 1]", rate: "0.5").utf8).write(to: edited)
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text("[0, 1]"), "tiny"))
    #expect(try daemon.logText().contains("config.json has been changed"))
  }

  /// Runs that the plan no longer has stay cancelled when it comes again.
  @Test func aShrunkConfigTwice() throws {
    let daemon = try InProcessDaemon(slots: 1)
    func text(_ seeds: String) -> String {
      ConfigText(
        epochs: 100_000, training: #", "checkpoint_every_steps": 50, "max_steps": 10000000"#,
        variants: #"{"name": "full", "bits": 32}"#, seeds: seeds
      ).text
    }
    #expect(try daemon.submit(text("[0, 1, 2]")).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    #expect(try daemon.submit(text("[0]")).output.contains("cancelled: full-seed1, full-seed2"))
    #expect(try daemon.submit(text("[0]")).output.contains("nothing to do again"))
    #expect(try daemon.status()["tiny/full-seed1"]?["status"] as? String == "cancelled")
    // Back again before the first has stopped.
    try daemon.submit([text("[1]"), text("[0, 1]")])
    try daemon.wait { state in
      ["full-seed0", "full-seed1"].allSatisfy {
        state.status(of: JobID(submission: "tiny", job: $0))?.hasEnded == false
      }
    }
    #expect(daemon.verb("cancel", "tiny").code == 0)
  }

  /// The daemon finds that `run` has let an experiment grow without a run of its queue.
  @Test func whatRunHasLeftOutIsCancelled() throws {
    let daemon = try InProcessDaemon(slots: 1)
    func text(_ seeds: String) -> String {
      ConfigText(
        epochs: 2_000, training: #", "checkpoint_every_steps": 50"#,
        variants: #"{"name": "full", "bits": 32}"#, seeds: seeds
      ).text
    }
    #expect(try daemon.submit(text("[0, 1, 2]")).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    while !daemon.exists("results/tiny/runs/full-seed0/run.json") { usleep(1000) }
    daemon.stop()
    #expect(try run(daemon, text("[0, 1]")).code == 0)
    try daemon.start(slots: 1)
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text("[0, 1]"), "tiny"))
  }

  /// A config that only its file has to take is accepted when it is there.
  @Test func aConfigThatCannotBeWrittenIsNotAccepted() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(ConfigText(seeds: "[0, 1]").text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    try daemon.wait { $0.submissions.isEmpty }
    let inTheWay = daemon.results + "/tiny/.config.json.partial-1"
    try FileManager.default.createDirectory(atPath: inTheWay, withIntermediateDirectories: true)
    let refused = try daemon.submit(ConfigText(seeds: "[0]").text)
    #expect(refused.code == 1 && refused.errors.contains("config.json"), "\(refused)")
    try FileManager.default.removeItem(atPath: inTheWay)
    #expect(try daemon.submit(ConfigText(seeds: "[0]").text).output.contains("the experiment continues"))
    #expect(try daemon.text("results/tiny/config.json") == ConfigText(seeds: "[0]").text)
  }

  /// A folder that was renamed holds the results of the name before.
  @Test func aRenamedExperimentIsAnotherOne() throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    try FileManager.default.moveItem(atPath: daemon.results + "/tiny", toPath: daemon.results + "/other")
    let said = try run(daemon, ConfigText(name: "other", seeds: "[0]").text)
    #expect(
      said.code == 0 && said.errors.contains("results of an experiment named tiny have that name"), "\(said)")
    let record = try RunRecord(
      reading: daemon.results + "/other-2/runs/full-seed0/run.json", in: POSIXFileSystem())
    #expect(record.reusedFrom == "other/full-seed0")
  }

  /// Nor is one taken over.
  @Test(arguments: ["curve.csv", "steps.csv", "model.safetensors"]) func aPipeInACompletedRun(name: String)
    throws
  {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    let pipe = daemon.results + "/tiny/runs/full-seed0/" + name
    try? FileManager.default.removeItem(atPath: pipe)
    try #require(mkfifo(pipe, 0o600) == 0)
    let other = ConfigText(name: "other", seeds: "[0]").text
    #expect(try run(daemon, other).code == 0)
    #expect(try experimentResults(daemon.results + "/other") == daemon.undisturbed(other, "other"))
    let record = try RunRecord(
      reading: daemon.results + "/other/runs/full-seed0/run.json", in: POSIXFileSystem())
    #expect(record.reusedFrom == nil)
    #expect(daemon.verb("summary", "tiny").code == 0 && daemon.verb("logs", "tiny/full-seed0").code == 0)
  }

  /// Pipes where files should be keep nobody waiting.
  @Test(arguments: [".bitlab/run-index", "tiny/runs/full-seed0/run.json", "tiny/config.1.json"])
  func aPipeInTheResults(path: String) throws {
    let daemon = try InProcessDaemon()
    #expect(try run(daemon, ConfigText(seeds: "[0]").text).code == 0)
    let pipe = daemon.results + "/" + path
    try? FileManager.default.removeItem(atPath: pipe)
    try #require(mkfifo(pipe, 0o600) == 0)
    #expect(try run(daemon, ConfigText(name: "other", seeds: "[0, 1]").text).code == 0)
    #expect(daemon.verb("status").code == 0)
    #expect(try run(daemon, ConfigText(seeds: "[0, 1]").text).code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(ConfigText().text, "tiny"))
  }
}
