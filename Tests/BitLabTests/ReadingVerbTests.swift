import Foundation
import Testing

/// `validate` and `summary`.
struct ReadingVerbTests {
  @Test func thePlanIsPrinted() throws {
    let program = try Program()
    try program.put(ConfigText(rest: #", "grid": {"training.batch_size": [8, 16]}"#).text, as: "tiny.json")
    let result = try program("validate", "tiny.json")
    #expect(result.code == 0 && result.errors == "")
    let lines = result.output.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true)
    }
    #expect(result.output.hasPrefix("tiny.json: tiny, 8 runs\n"))
    #expect(lines[1].joined(separator: " ") == "run bits method parameters weight bytes steps")
    #expect(lines[2] == ["full-training.batch_size=8-seed0", "32", "-", "610", "2440", "14"])
    #expect(lines[4] == ["two-training.batch_size=8-seed0", "2", "simple-bitnet", "610", "228", "14"])
    #expect(lines.count == 11 && lines[9][0] == "two-training.batch_size=16-seed1")
    #expect(
      result.output.contains("\n50 training and 20 validation images; 88 steps in all; about "),
      "\(result.output)")
    #expect(!program.exists("results"))
  }

  /// What looks like a slip is said, and is no error.
  @Test func slipsAreWarnedOf() throws {
    let program = try Program()
    let config = ConfigText(
      training: #", "schedule": "cosine", "warmup_steps": 100"#, seeds: "[0]",
      dataset: #"{"name": "digits", "train_limit": 9999, "validation_limit": 999}"#
    ).text.replacing(#""batch_size": 16"#, with: #""batch_size": 2000"#)
    try program.put(config, as: "tiny.json")
    let result = try program("validate", "tiny.json", "--estimate", "--jobs", "1")
    let warnings = result.errors.split(separator: "\n").map(String.init)
    #expect(
      result.code == 0
        && warnings == [
          "tiny.json: warning: dataset.train_limit 9999: there are 1437 training images",
          "tiny.json: warning: dataset.validation_limit 999: there are 360 validation images",
          "tiny.json: warning: training.batch_size 2000: there are 1437 training images, so each epoch is one step",
          "tiny.json: warning: training.warmup_steps 100: a run has 2 steps and ends within its warm-up",
        ], "\(result.errors)")
    #expect(
      result.output.contains("; about 0.") && result.output.contains(" s, one run at once on "),
      "\(result.output)")
    // A plan of years is no reason to fall over.
    let years = program.file("years.json")
    try Data(ConfigText(epochs: 1_000_000_000).text.replacing("[8]", with: "[512, 512]").utf8)
      .write(to: URL(fileURLWithPath: years))
    let long = try program("validate", "years.json", "--estimate", "--set", "dataset.train_limit=1437")
    #expect(long.code == 0 && long.output.contains(" h "), "\(long)")
    let seeds = "[" + (0..<3_000).map(String.init).joined(separator: ",") + "]"
    try program.put(ConfigText(seeds: seeds, dataset: #"{"name": "mnist"}"#).text, as: "many.json")
    let many = try program("validate", "many.json", "--data", "nowhere")
    #expect(
      many.code == 0
        && many.errors.contains("`bitlab data fetch mnist --data nowhere` puts it into nowhere/mnist/"),
      "\(many.errors)")
    #expect(
      many.errors.contains("the daemon refuses it: the plan has 6000 runs, the queue takes 5000"),
      "\(many.errors)")
    let json = try program("validate", "tiny.json", "--json", "--set", "seeds=[0,1]")
    let plan = try #require((try program.json(json.output) as? [[String: Any]])?.first)
    #expect((plan["warnings"] as? [String])?.count == 4 && plan["steps"] as? Int == 8)
    #expect(plan["estimated_seconds"] is NSNull && plan["disk_bytes"] as? Int ?? 0 > 0)
  }

  @Test func thePlanAsJSON() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    try program.put("{}", as: "bad.json")
    let result = try program("validate", "tiny.json", "bad.json", "--json")
    #expect(result.code == 78)
    let files = try #require(try program.json(result.output) as? [[String: Any]])
    #expect(files.map { $0["valid"] as? Bool } == [true, false])
    let runs = try #require(files[0]["runs"] as? [[String: Any]])
    #expect(runs.map { $0["run"] as? String } == ["full-seed0", "full-seed1", "two-seed0", "two-seed1"])
    #expect(runs[2]["parameters"] as? Int == 610 && runs[2]["weight_bytes"] as? Int == 228)
    let errors = try #require(files[1]["errors"] as? [[String: Any]])
    #expect(errors.count >= 4 && errors.allSatisfy { $0["line"] as? Int == 1 && $0["message"] is String })
    #expect(result.errors.contains("bad.json:1:"))
  }

  @Test func configsThatAreWrongOrMissing() throws {
    let program = try Program()
    try program.put("{", as: "bad.json")
    #expect(try program("validate", "none.json").code == 66)
    #expect(try program("validate", "bad.json", "none.json").code == 78)
    #expect(try program("validate", "none.json", "--json").output == "[]\n")
  }

  @Test func theSummaryOfWhatThereIs() throws {
    let program = try Program()
    let nothing = try program("summary")
    #expect(nothing.code == 0 && nothing.output == "" && nothing.errors == "no experiments in results\n")
    try program.put(ConfigText(name: "b").text, as: "b.json")
    try program.put(ConfigText(name: "a", seeds: "[0]").text, as: "a.json")
    let run = try program("run", "b.json", "a.json", "--json")
    let all = try program("summary")
    #expect(all.code == 0 && all.errors == "")
    let titles = all.output.split(separator: "\n").filter { !$0.contains(" ") }
    #expect(titles == ["a", "b"])
    let one = try program("summary", "b", "--json")
    let (from, summarized) = (try program.json(run.output) as? [Any], try program.json(one.output) as? [Any])
    #expect(summarized?.count == 1)
    #expect((from?.first as? NSDictionary) == (summarized?.first as? NSDictionary))
    let file = try program.json(program.text("results/b/summary.json")) as? NSDictionary
    #expect(file == (summarized?.first as? NSDictionary))
    #expect(try program("summary", "--results", "nowhere", "--json").output == "[]\n")
  }

  @Test func anUnknownExperiment() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    try program("run", "tiny.json")
    let result = try program("summary", "tinny")
    #expect(result.code == 2 && result.output == "")
    #expect(result.errors.contains("no experiment `tinny` in results: did you mean `tiny`?"))
  }

  @Test func anExperimentWhoseConfigIsDamagedDoesNotHideTheOthers() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    try program("run", "tiny.json")
    try program.put("{", as: "results/broken/config.json")
    let result = try program("summary")
    #expect(result.code == 65)
    #expect(result.output.hasPrefix("tiny\n") && result.errors.hasPrefix("results/broken/config.json:1:"))
  }
}
