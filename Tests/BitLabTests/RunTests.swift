import Files
import Foundation
import Testing

/// `bitlab run`, from config to results.
struct RunTests {
  private static let runs = ["full-seed0", "full-seed1", "two-seed0", "two-seed1"]

  @Test func anExperimentLeavesItsFiles() throws {
    let program = try Program()
    let config = ConfigText().text
    try program.put(config, as: "tiny.json")
    let result = try program("run", "tiny.json")
    #expect(result.code == 0, "\(result.errors)")
    #expect(try program.text("results/tiny/config.json") == config)
    #expect(
      try program.names("results/tiny") == [
        "config.json", "curves.csv", "runs", "summary.csv", "summary.json", "summary.md",
      ])
    #expect(try program.names("results/tiny/runs") == Self.runs)
    let rows = try Self.runs.map {
      try program.text("results/tiny/runs/\($0)/curve.csv").split(separator: "\n")
    }
    let merged = [rows[0][0]] + rows.flatMap { $0.dropFirst() }
    #expect(try program.text("results/tiny/curves.csv") == merged.map { $0 + "\n" }.joined())
    #expect(merged.count == 1 + 4 * 2)
    for run in Self.runs {
      #expect(try program.record("results/tiny", run)["status"] as? String == "completed")
    }
    #expect(result.output.contains("tiny\nvariant") && result.output.contains("results: results/tiny/"))
    #expect(result.errors.contains("tiny/two-seed1: completed"))
    #expect(result.errors.split(separator: "\n").count == 4 * (1 + 2 + 1))
  }

  @Test func theSameCommandAgainRunsNothing() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    try program("run", "tiny.json")
    let before = try program.results("results/tiny")
    let records = try Self.runs.map { try program.text("results/tiny/runs/\($0)/run.json") }
    // The same experiment in other words.
    let other = ConfigText(rate: "1e-2", rest: #", "priority": 0"#).text.replacing("\n", with: " ")
    try program.put(other, as: "again.json")
    let result = try program("run", "again.json")
    #expect(result.code == 0 && result.output.contains("completed"))
    #expect(result.errors.hasSuffix(" runs have ended before: nothing is trained\n"), "\(result.errors)")
    #expect(try program.results("results/tiny") == before)
    #expect(try Self.runs.map { try program.text("results/tiny/runs/\($0)/run.json") } == records)
    #expect(try program.text("results/tiny/config.json") == ConfigText().text, "as submitted first")
    #expect(!program.exists("results/tiny-2"))
  }

  /// What tells the runs of a grid apart is in every table, and a record says all that was set.
  @Test func aGridIsInRowsAndRecords() throws {
    let program = try Program()
    let grid = #", "grid": {"training.batch_size": [8, 16], "training.schedule": ["linear"]}"#
    try program.put(
      ConfigText(variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]", rest: grid).text, as: "tiny.json")
    #expect(try program("run", "tiny.json", "-q").code == 0)
    let run = "full-training.batch_size=8-training.schedule=linear-seed0"
    let steps = try program.text("results/tiny/runs/\(run)/steps.csv").split(separator: "\n")
    #expect(
      steps[0]
        == "experiment,variant,seed,training.batch_size,training.schedule,epoch,step,train_loss,train_accuracy,learning_rate"
    )
    #expect(steps[1].hasPrefix("tiny,full,0,8,linear,1,1,"))
    let record = try program.record("results/tiny", run)
    #expect(
      record["grid"] as? NSDictionary == ["training.batch_size": 8, "training.schedule": "linear"]
        as NSDictionary)
    let settings = try #require(record["settings"] as? [String: Any])
    #expect(
      settings["training.batch_size"] as? Int == 8 && settings["training.optimizer"] as? String == "adam")
    #expect(settings["model.hidden"] as? [Int] == [8] && settings["dataset.name"] as? String == "digits")
    // Whoever writes the record anew keeps them as they are.
    let status = try program("status", "--json").output
    #expect(status.contains(#""training.learning_rate":0.01"#), "\(status)")
    // Taken over, they are the other plan's.
    try program.put(
      ConfigText(
        variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]", rest: grid.replacing("[8, 16]", with: "[8]")
      )
      .text.replacing(#""tiny""#, with: #""other""#).replacing(
        #""training.schedule": ["linear"]"#, with: #""training.schedule": ["linear", "cosine"]"#),
      as: "other.json")
    #expect(try program("run", "other.json", "-q").code == 0)
    let taken = try program.record("results/other", run)
    #expect(
      taken["reused_from"] as? String == "tiny/\(run)"
        && taken["grid"] as? NSDictionary == record["grid"] as? NSDictionary)
    #expect(
      try program.text("results/other/runs/\(run)/steps.csv")
        == program.text("results/tiny/runs/\(run)/steps.csv").replacing("tiny,", with: "other,"))
  }

  @Test func commandsAreRunAtTheEnd() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    let finish = "echo printed; echo $BITLAB_EXPERIMENT $BITLAB_STATUS $BITLAB_FOLDER >> told"
    let hooks = ["--on-finish", finish, "--on-failure", "echo $BITLAB_EXPERIMENT failed >> told"]
    let good = try program.run(after: ":", ["run", "tiny.json", "--json"] + hooks)
    #expect(good.code == 0 && !good.output.contains("printed") && good.errors.contains("printed"), "\(good)")
    let folder = FilePath.absolute(program.file("results/tiny"))
    #expect(try program.text("told") == "tiny completed \(folder)\n")
    // Nothing has ended now.
    #expect(try program.run(after: ":", ["run", "tiny.json"] + hooks).code == 0)
    #expect(try program.text("told") == "tiny completed \(folder)\n")
    try program.put(ConfigText(name: "bad", rate: "1e38").text, as: "bad.json")
    #expect(try program.run(after: ":", ["run", "bad.json"] + hooks).code == 1)
    let told = try program.text("told").split(separator: "\n")
    #expect(told.count == 3 && told[1].hasPrefix("bad ") && told[2] == "bad failed", "\(told)")
    let failing = try program(
      "run", "tiny.json", "--set", "name=third", "--no-reuse", "--on-finish", "exit 3")
    #expect(
      failing.code == 0 && failing.errors.contains("third: --on-finish ended with code 3"), "\(failing)")
  }

  /// While it trains, whoever plots can follow.
  @Test func curvesAreThereBeforeTheEnd() throws {
    let program = try Program()
    let endless = ConfigText(
      epochs: 1_000_000, training: #", "max_steps": 100000000"#, variants: #"{"name": "full", "bits": 32}"#,
      seeds: "[0]")
    try program.put(endless.text, as: "tiny.json")
    let run = try program.start("run", "tiny.json")
    let deadline = Date(timeIntervalSinceNow: 60)
    while !program.exists("results/tiny/summary.csv"), Date() < deadline { usleep(10_000) }
    #expect(try program.text("results/tiny/curves.csv").contains("\ntiny,full,0,1,4,"))
    #expect(try program.text("results/tiny/summary.csv").contains(",running\n"))
    run.send(SIGINT)
    #expect(run.finish() == 130)
  }

  /// Equal texts in different folders name different files.
  @Test func equalConfigsThatNameOtherFilesAreNotTheSame() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "first.json")
    try program("run", "first.json")
    let model = "results/tiny/runs/full-seed0/model.safetensors"
    let text = ConfigText(
      name: "warm", training: #", "initial_weights": "w.safetensors""#,
      variants: #"{"name": "full", "bits": 32}"#,
      seeds: "[0]"
    ).text
    for folder in ["a", "b"] {
      try program.put(text, as: "\(folder)/warm.json")
      try FileManager.default.copyItem(
        atPath: program.file(model), toPath: program.file("\(folder)/w.safetensors"))
    }
    #expect(try program("run", "a/warm.json").code == 0)
    let again = try program("run", "a/warm.json")
    #expect(again.code == 0 && !program.exists("results/warm-2"))
    let other = try program("run", "b/warm.json")
    #expect(other.code == 0 && other.errors.contains("warm-2/full-seed0: completed"))
  }

  @Test func anotherConfigOfTheNameGetsAFolderOfItsOwn() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    try program("run", "tiny.json")
    let before = try program.results("results/tiny")
    for number in 2...3 {
      try program.put(ConfigText(rate: "0.0\(number)").text, as: "other.json")
      let result = try program("run", "other.json")
      #expect(result.code == 0 && result.errors.contains("results/tiny-\(number)"))
      #expect(try program.text("results/tiny-\(number)/curves.csv").contains("\ntiny-\(number),full,0,1,4,"))
      #expect(
        try program.record("results/tiny-\(number)", "two-seed0")["experiment"] as? String == "tiny-\(number)"
      )
      #expect(try program.text("results/tiny-\(number)/summary.csv").contains("\ntiny-\(number),full,32,"))
    }
    #expect(try program.results("results/tiny") == before)
    #expect(try program("run", "other.json").errors.contains("results/tiny-3"), "found again")
    #expect(!program.exists("results/tiny-4"))
  }

  @Test func aFolderThatWasNeverFinishedIsTakenAndAnyOtherLeftAlone() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    try program.put("", as: "results/tiny/runs/x")
    try FileManager.default.removeItem(atPath: program.file("results/tiny/runs/x"))
    #expect(try program("run", "tiny.json").code == 0)
    #expect(program.exists("results/tiny/config.json") && !program.exists("results/tiny-2"))

    try program.put("mine", as: "results/notes/thesis.txt")
    try program.put(ConfigText(name: "notes").text, as: "notes.json")
    #expect(try program("run", "notes.json").code == 0)
    #expect(
      try program.names("results/notes") == ["thesis.txt"] && program.exists("results/notes-2/config.json"))
  }

  @Test func severalConfigsAndTheSameOneTwice() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "a.json")
    try program.put(ConfigText(name: "b", seeds: "[0]").text, as: "b.json")
    let result = try program("run", "a.json", "--results", "out", "b.json", "a.json", "--json")
    #expect(result.code == 0 && result.errors.contains("runs once"))
    let experiments = try #require(try program.json(result.output) as? [[String: Any]])
    #expect(experiments.map { $0["experiment"] as? String } == ["tiny", "b"])
    let variants = try #require(experiments[1]["variants"] as? [[String: Any]])
    #expect(variants.map { $0["variant"] as? String } == ["full", "two"])
    #expect(
      variants[0]["status"] as? String == "completed" && variants[0]["final_val_accuracy_mean"] is Double)
    #expect(try program.names("out") == [".bitlab", "b", "tiny"])
    #expect(!program.exists("results"))
  }

  @Test func theHighestPriorityBegins() throws {
    let program = try Program()
    try program.put(ConfigText(name: "low", seeds: "[1]").text, as: "low.json")
    try program.put(ConfigText(name: "high", seeds: "[0]", rest: #", "priority": 3"#).text, as: "high.json")
    let result = try program("run", "--jobs", "1", "low.json", "high.json")
    let began = result.errors.split(separator: "\n").filter { $0.contains(": began") }.map {
      $0.prefix { $0 != ":" }
    }
    #expect(began == ["high/full-seed0", "high/two-seed0", "low/full-seed1", "low/two-seed1"])
  }

  @Test func theNumberOfJobsMakesNoDifference() throws {
    let program = try Program()
    let variants =
      #"{"name": "full", "bits": 32}, {"name": "two", "bits": 2}, {"name": "one", "bits": 1, "method": "bitnet"}"#
    let grid = #", "grid": {"training.optimizer": ["adam", "sgd"]}"#
    try program.put(ConfigText(variants: variants, rest: grid).text, as: "tiny.json")
    var results: [[String: [UInt8]]] = []
    for jobs in ["1", "2", "12"] {
      #expect(try program("run", "tiny.json", "--jobs", jobs, "--results", jobs).code == 0)
      results.append(try program.results("\(jobs)/tiny"))
    }
    #expect(results[0].count == 1 + 12 * 3)
    #expect(results[1] == results[0] && results[2] == results[0])
  }

  @Test func aRunThatDivergesEndsWith1AndIsLeftAlone() throws {
    let program = try Program()
    let variants =
      #"{"name": "wild", "bits": 32, "learning_rate": 1e20, "optimizer": "sgd"}, {"name": "full", "bits": 32}"#
    try program.put(ConfigText(variants: variants, seeds: "[0]").text, as: "tiny.json")
    let result = try program("run", "tiny.json", "-q")
    #expect(result.code == 1 && result.output == "")
    #expect(result.errors.contains("tiny/wild-seed0: diverged: the loss became"))
    #expect(result.errors.split(separator: "\n").count == 1, "quiet is but for problems")
    #expect(try program.record("results/tiny", "full-seed0")["status"] as? String == "completed")
    let record = try program.text("results/tiny/runs/wild-seed0/run.json")
    let again = try program("run", "tiny.json", "-q")
    #expect(again.code == 1 && again.errors == "", "the experiment still has a run that diverged")
    #expect(try program.text("results/tiny/runs/wild-seed0/run.json") == record)
    #expect(try program.text("results/tiny/curves.csv").contains("tiny,wild,0,1,"))
  }

  @Test func aRecordThatSaysNothingIsPutAsideAndItsRunRepeated() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    try program("run", "tiny.json")
    let before = try program.results("results/tiny")
    try program.put("{", as: "results/tiny/runs/two-seed0/run.json")
    let result = try program("run", "tiny.json")
    #expect(
      result.code == 0 && result.errors.contains("results/tiny/runs/two-seed0/run.json: is not the record"))
    #expect(result.errors.contains("two-seed0: began") && !result.errors.contains("two-seed1: began"))
    #expect(try program.text("results/tiny/runs/two-seed0/run.json.damaged") == "{")
    #expect(try program.results("results/tiny") == before)
  }
}
