import Foundation
import Testing

/// What keeps `bitlab run` from running, and what a run that fails does to the rest.
struct RunProblemTests {
  @Test func aMissingConfig() throws {
    let program = try Program()
    let result = try program("run", "none.json")
    #expect(result.code == 66 && result.errors == "none.json: error: there is no such file\n")
    #expect(!program.exists("results"))
  }

  @Test func aFolderIsNoConfig() throws {
    let program = try Program()
    #expect(try program("run", ".").code == 66)
  }

  @Test func allBadConfigsAreReportedAndNothingBegins() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "good.json")
    try program.put(ConfigText(training: #", "learning_rte": 1, "momentum": "much""#).text, as: "bad.json")
    try program.put("{\n  \"name\": 7,", as: "worse.json")
    let result = try program("run", "bad.json", "good.json", "worse.json", "none.json")
    #expect(result.code == 78 && result.output == "")
    #expect(result.errors.contains(/(?m)^bad\.json:5:\d+: error: .*learning_rte.*learning_rate/))
    #expect(result.errors.contains(/(?m)^bad\.json:5:\d+: error: .*momentum/))
    #expect(result.errors.contains(/(?m)^worse\.json:2:\d+: error:/))
    #expect(result.errors.contains("none.json: error: there is no such file"))
    #expect(result.errors.hasSuffix("no run started\n"))
    #expect(!program.exists("results"))
  }

  @Test func missingDataAreNamedWithARemedy() throws {
    let program = try Program()
    try program.put(ConfigText(dataset: #"{"name": "mnist"}"#).text, as: "mnist.json")
    try program.put(ConfigText(name: "fine").text, as: "fine.json")
    let result = try program("run", "fine.json", "mnist.json", "--data", "nowhere")
    #expect(result.code == 65)
    #expect(result.errors.contains("train-images-idx3-ubyte") && result.errors.contains("nowhere/mnist"))
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    #expect(!program.exists("results/fine") && !program.exists("results/tiny"))
    #expect(
      try program("run", "mnist.json", environment: ["BITLAB_DATA": "elsewhere"]).errors.contains(
        "elsewhere/mnist"))
    // The hint is a command that fetches into the folder that was looked in.
    for (words, hint) in [([], "--data elsewhere`"), (["--data", "data"], "--data data`")] {
      let result = try program.run(
        after: "export BITLAB_DATA=elsewhere", ["run", "mnist.json"] + words)
      #expect(result.errors.contains("`bitlab data fetch mnist \(hint)"), "\(result.errors)")
    }
  }

  @Test func aPatchThatDoesNotFitTheFilesIsKnownBeforeAnythingBegins() throws {
    let program = try Program()
    func idx(_ sizes: [Int], _ count: Int) -> String {
      String(
        decoding: [0, 0, 8, UInt8(sizes.count)] + sizes.flatMap { [0, 0, 0, UInt8($0)] }, as: UTF8.self)
        + String(repeating: "\0", count: count)
    }
    for set in ["train", "validation"] {
      try program.put(idx([2, 6, 8], 96), as: "\(set)-images")
      try program.put(idx([2], 2), as: "\(set)-labels")
    }
    let files = ["train_images", "train_labels", "validation_images", "validation_labels"]
      .map { #", "\#($0)": "\#($0.replacing("_", with: "-"))""# }.joined()
    var text = ConfigText(dataset: #"{"name": "idx"\#(files)}"#).text
    text = text.replacing(
      #"{"type": "mlp", "hidden": [8]}"#,
      with: #"{"type": "vit", "width": 4, "layers": 1, "heads": 1, "mlp_width": 4, "patch": 4}"#)
    try program.put(text, as: "own.json")
    let result = try program("run", "own.json")
    #expect(
      result.code == 78 && result.errors == "bitlab: own.json: image side 6 is not divisible by patch 4\n")
    #expect(!program.exists("results/tiny"))
  }

  @Test func aHeldLockIsSomeoneElses() throws {
    let program = try Program()
    try program.put(ConfigText(epochs: 500).text, as: "long.json")
    try program.put(ConfigText(name: "other").text, as: "other.json")
    let holder = try program.start("run", "long.json")
    try holder.read(until: "epoch 1:")
    let result = try program("run", "other.json")
    #expect(result.code == 75)
    #expect(
      result.errors.contains("process \(holder.process.processIdentifier)")
        && result.errors.contains("results/.bitlab/lock"))
    #expect(!program.exists("results/other"))
    #expect(try program("run", "other.json", "--results", "free").code == 0)
    #expect(try program("summary").code == 0, "reading needs no lock")
    holder.send(SIGKILL)
    #expect(holder.finish() == -SIGKILL)
    #expect(try program("run", "other.json").code == 0)
  }

  @Test func aResultsFolderThatCannotBe() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    let result = try program("run", "tiny.json", "--results", "tiny.json/results")
    #expect(result.code == 1)
    #expect(result.errors.hasPrefix("bitlab: cannot create the folder tiny.json/results: Not a directory"))
    #expect(result.errors.split(separator: "\n").count == 1)
  }

  @Test(.enabled(if: getuid() != 0, "root may write everywhere")) func aResultsFolderOfSomeoneElse() throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    try program.put("", as: "closed/x")
    #expect(chmod(program.file("closed"), 0o555) == 0)
    let result = try program("run", "tiny.json", "--results", "closed")
    #expect(result.code == 1 && result.errors.contains("Permission denied"))
    _ = chmod(program.file("closed"), 0o755)
  }

  /// The checkpoints of `adam` are larger than a file may be, those of `sgd` are not.
  @Test func aRunThatCannotWriteFailsAndTheOthersGoOn() throws {
    let program = try Program()
    let variants =
      #"{"name": "small", "bits": 32, "optimizer": "sgd"}, {"name": "large", "bits": 32, "optimizer": "adam"}"#
    let text = ConfigText(
      training: #", "checkpoint_every_steps": 3"#, variants: variants, seeds: "[0]",
      rest: #", "max_retries": 2"#
    ).text
    try program.put(text, as: "tiny.json")
    // sh counts in blocks of 512 bytes, bash in 1,024: either is more than small's 4 kB and less than large's 9 kB.
    let result = try program.run(after: "trap '' XFSZ; ulimit -f 8", ["run", "tiny.json", "--jobs", "1"])
    #expect(result.code == 1)
    #expect(result.errors.contains("tiny/small-seed0: completed"), "\(result.errors)")
    #expect(
      result.errors.contains("trying again in 1 s, 1 of 2")
        && result.errors.contains("trying again in 3 s, 2 of 2"))
    #expect(result.errors.contains(/tiny\/large-seed0: failed: cannot write .*checkpoint.*File too large/))
    let record = try program.record("results/tiny", "large-seed0")
    #expect(
      record["status"] as? String == "failed"
        && (record["error"] as? String)?.contains("File too large") == true)
    #expect(try program.text("results/tiny/summary.csv").contains(",failed\n"))

    #expect(try program("run", "tiny.json").code == 0)
    try program("run", "tiny.json", "--results", "whole")
    #expect(try program.results("results/tiny") == program.results("whole/tiny"))
  }

  @Test func aFailureOfContentIsNotRetried() throws {
    let program = try Program()
    let text = ConfigText(
      training: #", "initial_weights": "none.st""#, seeds: "[0]", rest: #", "max_retries": 9"#
    ).text
    try program.put(text, as: "folder/tiny.json")
    let result = try program("run", "folder/tiny.json")
    #expect(result.code == 1 && result.errors.contains("tiny/full-seed0: failed: folder/none.st: "))
    #expect(!result.errors.contains("trying again"))
    #expect(try program.record("results/tiny", "two-seed0")["status"] as? String == "failed")
  }
}
