import Foundation
import TestSupport
import Testing

/// What is set and chosen on the command line: `--set`, `--only`, patterns, and configs on standard input.
struct SelectionTests {
  private func program(_ config: ConfigText = ConfigText()) throws -> Program {
    let program = try Program()
    try program.put(config.text, as: "tiny.json")
    return program
  }

  /// The results of a setting are those of a config that has it.
  @Test func whatIsSetIsTrainedAndKept() throws {
    let program = try program()
    let result = try program(
      "run", "tiny.json", "--set", "training.epochs=1", "--set=seeds=[3]", "--set", "name=set", "-q")
    #expect(result.code == 0, "\(result.errors)")
    try program.put(ConfigText(name: "written", epochs: 1, seeds: "[3]").text, as: "written.json")
    #expect(try program("run", "written.json", "--no-reuse", "-q").code == 0)
    #expect(try program.names("results/set/runs") == ["full-seed3", "two-seed3"])
    for file in ["curve.csv", "steps.csv", "model.safetensors"] {
      let set = try program.text("results/set/runs/full-seed3/\(file)").replacing("written", with: "set")
      let written = try program.text("results/written/runs/full-seed3/\(file)").replacing(
        "written", with: "set")
      #expect(set == written)
    }
    let kept = try JSONSerialization.jsonObject(with: Data(program.text("results/set/set.json").utf8))
    #expect(
      kept as? NSDictionary == ["training.epochs": 1, "seeds": [3], "name": "set"] as NSDictionary)
    #expect(!program.exists("results/written/set.json"))
    // The config that is kept is the one that was used.
    let again = try program("run", "results/set/config.json")
    #expect(
      again.code == 0 && again.errors == "set: all 2 runs have ended before: nothing is trained\n",
      "\(again.errors)")
    #expect(!program.exists("results/set-2"))
  }

  @Test(
    arguments: [
      ("training.epoch=1", "did you mean \"epochs\"?"), ("training.epochs=-1", "expected"),
      ("training.epochs=[", "expected"), ("epochs", "expected KEY=VALUE"), ("=3", "expected KEY=VALUE"),
      ("name.first=a", "name has no keys in it"), ("variants.three.bits=1", "there is no such variant"),
      (
        "training.learning_rate=1",
        "the grid has values for training.learning_rate: set grid.training.learning_rate"
      ),
      ("training.batch_size=2", "has its own batch_size: set variants.two.batch_size"),
      ("variants.two.learning_rate=1", "set grid.training.learning_rate"),
      (
        "training.early_stopping.patience=3", "set variants.two.early_stopping.patience"
      ), ("training=3", "expected an object"), ("colour=red", "unknown key"),
      ("variants.two=null", "variants.two: a variant is set key by key"),
      ("training.epoch=null", "no such key to leave out; did you mean \"epochs\"?"),
      ("training.shedule=null", "did you mean \"schedule\"?"),
      ("grid.training.lerning_rate=null", "did you mean \"training.learning_rate\"?"),
      ("training.epochs=null", "the key \"epochs\" is missing"),
      ("seeds=[0,0]", "seeds[1]: found 0 again, the first is seeds[0]"),
    ])
  func whatCannotBeSetIsSaid(setting: String, problem: String) throws {
    let variants =
      #"{"name": "full", "bits": 32}, {"name": "two", "bits": 2, "batch_size": 8, "early_stopping": {"metric": "val_loss", "patience": 1}}"#
    let grid = #", "grid": {"training.learning_rate": [0.1, 0.2]}"#
    let program = try program(ConfigText(variants: variants, rest: grid))
    for verb in ["run", "validate"] {
      let result = try program(verb, "tiny.json", "--set", setting)
      #expect(result.code == 2 && result.errors.contains(problem), "\(result)")
      #expect(!program.exists("results/tiny"))
    }
  }

  /// What is wrong in the file is told at its place, whatever is set.
  @Test func theFilesOwnProblemsKeepTheirPlaces() throws {
    let program = try Program()
    try program.put(ConfigText().text.replacing("\"seeds\"", with: "\"sedes\""), as: "bad.json")
    let result = try program("validate", "bad.json", "--set", "training.epochs=0")
    #expect(
      result.code == 78 && result.errors.contains(/bad\.json:\d+:\d+: error: .*sedes/), "\(result.errors)")
    #expect(result.errors.contains("bad.json with --set training.epochs=0: error: "), "\(result.errors)")
  }

  /// Settings are read together: what one takes away is in no other's way, whatever comes first.
  @Test func keysCanBeLeftOut() throws {
    let grid = #", "grid": {"training.learning_rate": [0.1, 0.2]}"#
    let program = try program(ConfigText(training: #", "weight_decay": 0.5"#, rest: grid))
    for without in ["grid=null", "grid={}", "grid.training.learning_rate=null"] {
      for settings in [["training.learning_rate=1", without], [without, "training.learning_rate=1"]] {
        let result = try program(
          "validate", "tiny.json", "--set", settings[0], "--set", settings[1])
        #expect(result.code == 0 && !result.output.contains("learning_rate"), "\(settings): \(result)")
      }
    }
    // What the file does not have is left out already.
    for setting in ["training.schedule=null", "training.early_stopping.patience=null", "priority=null"] {
      let result = try program("validate", "tiny.json", "--set", setting)
      #expect(result.code == 0, "\(setting): \(result)")
    }
    // A new name hides nothing.
    let hidden = try program(
      "validate", "tiny.json", "--set", "variants.two.learning_rate=1", "--set", "variants.two.name=other")
    #expect(hidden.code == 2 && hidden.errors.contains("set grid.training.learning_rate"), "\(hidden)")
    let result = try program(
      "run", "tiny.json", "-q", "--set", "training.weight_decay=null", "--set", "grid=null")
    #expect(result.code == 0, "\(result)")
    #expect(try !program.text("results/tiny/config.json").contains("weight_decay"))
    #expect(try program.text("results/tiny/set.json").contains(/"training.weight_decay": null/))
    #expect(
      try !program.text("results/tiny/runs/full-seed0/run.json").contains(/"training.weight_decay": 0.5/))
  }

  /// Nothing that was set goes in silence.
  @Test func whatIsSetAgainAsAPartIsSaid() throws {
    let program = try program()
    let lost = try program(
      "validate", "tiny.json", "--set", "model.hidden=[3]",
      "--set", #"model={"type": "mlp", "hidden": [4]}"#)
    #expect(
      lost.code == 2 && lost.errors.contains("model.hidden: model, set after it, takes its place"), "\(lost)")
    let kept = try program(
      "validate", "tiny.json", "--set", #"model={"type": "mlp", "hidden": [4]}"#,
      "--set", "model.hidden=[3]")
    #expect(kept.code == 0, "\(kept)")
  }

  /// Who chooses runs sees which, before anything trains, and is not told that all have completed.
  @Test func whatOnlyChoosesIsShown() throws {
    let program = try program()
    let plan = try program("validate", "tiny.json", "--only", "two-*").output.split(separator: "\n")
    #expect(plan.contains { $0.hasPrefix("two-") && $0.hasSuffix("begins") })
    #expect(plan.contains { $0.hasPrefix("full-") && $0.hasSuffix(" -") })
    #expect(try !program("validate", "tiny.json").output.contains("begins"))
    #expect(try program("validate", "-q", "tiny.json").output == "")
    let told = ["--on-finish", "echo told $BITLAB_STATUS"]
    let part = try program.run(after: ":", ["run", "-q", "tiny.json", "--only", "two-*"] + told)
    #expect(part.errors.contains("told partial"), "\(part)")
    let rest = try program.run(after: ":", ["run", "-q", "tiny.json"] + told)
    #expect(rest.errors.contains("told completed"), "\(rest)")
    let again = try program("run", "tiny.json")
    #expect(again.errors.contains(" have ended before: nothing is trained"), "\(again.errors)")
  }

  @Test func wordsThatNameNothingAreSaid() throws {
    let program = try program()
    for (words, problem) in [
      (["validate", ""], "validate: found an empty word"), (["cancel", ""], "cancel: found an empty word"),
      (["validate", "-", "-"], "standard input can be read once: found `-` 2 times"),
    ] {
      let result = try program.run(after: ":", words)
      #expect(result.code == 2 && result.errors.contains(problem), "\(result)")
    }
  }

  /// What was set in a config that an experiment has grown out of is kept with it.
  @Test func whatWasSetStaysWithItsConfig() throws {
    let program = try program()
    try program("run", "tiny.json", "-q", "--set", "seeds=[0]")
    try program("run", "tiny.json", "-q", "--set", "seeds=[0,1]", "--set", "priority=1")
    try program("run", "tiny.json", "-q", "--set", "seeds=[0,1,2]")
    for (file, seeds) in [("set.1.json", "0"), ("set.2.json", "0, 1"), ("set.json", "0, 1, 2")] {
      let text = try program.text("results/tiny/\(file)").split(separator: /\s+/).joined(separator: " ")
      #expect(text.contains("\"seeds\": [ \(seeds) ]") || text.contains("\"seeds\": [\(seeds)]"), "\(text)")
    }
  }

  @Test func onlyWhatIsMeantBegins() throws {
    let program = try program()
    let first = try program("run", "tiny.json", "--only", "full-*", "--only", "*-seed[1]")
    #expect(first.code == 0, "\(first.errors)")
    #expect(try program.names("results/tiny/runs") == ["full-seed0", "full-seed1", "two-seed1"])
    #expect(!first.errors.contains("two-seed0"))
    let rest = try program("run", "tiny.json")
    #expect(rest.code == 0 && rest.errors.contains("tiny/two-seed0: completed"))
    #expect(!rest.errors.contains("full-seed"), "\(rest.errors)")
    // The same as in one go.
    try program("run", "tiny.json", "--set", "name=whole", "--no-reuse", "-q")
    for file in ["curves.csv"] {
      #expect(
        try program.text("results/whole/\(file)").replacing("whole", with: "tiny")
          == program.text("results/tiny/\(file)"))
    }
  }

  @Test func aPatternThatMeansNothingIsSaid() throws {
    let program = try program()
    let result = try program("run", "tiny.json", "--only", "fool-*")
    #expect(
      result.code == 2 && result.errors.contains("--only: no run is called `fool-*`"), "\(result.errors)")
    #expect(!program.exists("results"))
  }

  @Test func aConfigComesOnStandardInput() throws {
    let program = try program(ConfigText(seeds: "[0]"))
    let result = try program.shell(#"exec "$0" run - -q --set training.epochs=1 < tiny.json"#)
    #expect(result.code == 0 && program.exists("results/tiny/runs/full-seed0/curve.csv"), "\(result)")
    let wrong = try program.shell(#"echo '{"seeds": [0],}' | "$0" validate -"#)
    #expect(wrong.code == 78 && wrong.errors.hasPrefix("-:1:"), "\(wrong)")
    let empty = try program.shell(#"exec "$0" validate - < /dev/null"#)
    #expect(empty.code == 78 && empty.errors.hasPrefix("-:1:1: error: "), "\(empty)")
    let folder = try program.shell(#"exec "$0" validate - < ."#)
    #expect(folder.code == 66 && folder.errors.hasPrefix("-: error: the file cannot be read"), "\(folder)")
    let closed = try program.shell(#"exec "$0" validate - <&-"#)
    #expect(closed.code != 0 && closed.errors.hasPrefix("-"), "\(closed)")
  }

  @Test func experimentsMayBeMeantByPatterns() throws {
    let program = try Program()
    for name in ["tiny-a", "tiny-b", "other"] {
      try program.put(
        ConfigText(name: name, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]").text, as: "c.json")
      try program("run", "c.json", "-q", "--no-reuse")
    }
    let summary = try program("summary", "tiny-*")
    #expect(summary.code == 0 && summary.output.contains("tiny-a\n") && summary.output.contains("tiny-b\n"))
    #expect(!summary.output.contains("other"))
    let listed = try #require(
      try program.json(program("status", "*/full-*", "--json").output) as? [String: Any])
    #expect(
      (listed["runs"] as? [[String: Any]])?.map { $0["run"] as? String } == [
        "full-seed0", "full-seed0", "full-seed0",
      ])
    let one = try program("status", "tiny-a/*", "--ended", "--json").output
    #expect(one.contains("tiny-a") && !one.contains("tiny-b"))
    #expect(try program("logs", "*-b/f*").output == program.text("results/tiny-b/runs/full-seed0/run.log"))
    #expect(try program("logs", "*/f*").errors.contains("means 3 runs, and logs prints one"))
    #expect(try program("status", "none*").errors.contains("no run or experiment `none*`"))
    #expect(try program("remove", "tiny-*", "--yes").code == 0)
    #expect(try program.names("results") == [".bitlab", "other"])
  }

  @Test func theDaemonHeedsThemToo() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let file = try daemon.config(
      InProcessDaemon.long(variants: #"{"name": "full", "bits": 32}, {"name": "two", "bits": 2}"#),
      as: "c.json")
    let submitted = daemon.verb("submit", file, "--set", "seeds=[4,5]", "--only", "*seed4")
    #expect(submitted.code == 0, "\(submitted)")
    #expect(try daemon.status().keys.sorted() == ["long/full-seed4", "long/two-seed4"])
    // The others of the plan join them.
    #expect(daemon.verb("submit", file, "--set", "seeds=[4,5]", "--only", "full-*").code == 0)
    #expect(try daemon.status().keys.sorted() == ["long/full-seed4", "long/full-seed5", "long/two-seed4"])
    let cancelled = daemon.verb("cancel", "lo*/*-seed4")
    #expect(cancelled.code == 0 && cancelled.output.split(separator: "\n").count == 2, "\(cancelled)")
    #expect(daemon.verb("cancel", "*/").code == 2)
    let unknown = daemon.verb("cancel", "long/x*")
    #expect(unknown.code == 2 && unknown.errors.contains("no run or experiment `long/x*`"))
    #expect(daemon.verb("cancel", "long*").code == 0)
    daemon.verb("wait")
    #expect(try daemon.folder.text("results/long/set.json").contains(/"seeds": \[\s*4,\s*5\s*\]/))
  }

  /// Who is stopped between the two has written what was set, and not the config: the folder is still the experiment's.
  @Test func aFolderThatHasWhatWasSetAloneIsGoneOnWith() throws {
    let program = try program(ConfigText(seeds: "[0]"))
    try program.put("{\"training.epochs\": 7}", as: "results/tiny/set.json")
    try FileManager.default.createDirectory(
      atPath: program.file("results/tiny/runs"), withIntermediateDirectories: true)
    let result = try program("run", "tiny.json", "-q", "--set", "training.epochs=1")
    #expect(result.code == 0, "\(result.errors)")
    #expect(try program.names("results") == [".bitlab", "tiny"])
    #expect(try program.text("results/tiny/set.json").contains(/"training.epochs": 1\b/))
  }

  @Test func statusListsWhatIsAskedFor() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(ConfigText(name: "short", seeds: "[0]").text).code == 0)
    daemon.verb("wait")
    #expect(try daemon.submit(InProcessDaemon.long("a")).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("b")).code == 0)
    try daemon.wait(for: "a/full-seed0", "running")
    func listed(_ words: String...) throws -> [String] {
      let said = daemon.verb(["status"] + words, CapturedStreams())
      #expect(said.code == 0, "\(said)")
      return said.output.split(separator: "\n").dropFirst().map { String($0.prefix { $0 != " " }) }
    }
    #expect(try listed("--running") == ["a/full-seed0"])
    #expect(try listed("--queued") == ["b/full-seed0"])
    #expect(try listed("--failed") == [])
    #expect(try Set(listed("--ended")) == ["short/full-seed0", "short/two-seed0"])
    #expect(try listed("--ended", "--running").first == "a/full-seed0")
    #expect(try Array(listed().prefix(2)) == ["a/full-seed0", "b/full-seed0"])
    let all = daemon.verb("status")
    #expect(all.errors.contains("4 runs: 1 queued, 1 running, 2 completed"), "\(all.errors)")
  }
}
