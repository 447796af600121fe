import Foundation
import Testing

/// Data files that others change while a daemon lives.
struct ChangingDataTests {
  /// An IDX file of unsigned bytes.
  private static func idx(_ sizes: [Int], _ bytes: [UInt8]) -> Data {
    var data = Data([0, 0, 8, UInt8(sizes.count)])
    for size in sizes { withUnsafeBytes(of: UInt32(size).bigEndian) { data.append(contentsOf: $0) } }
    return data + bytes
  }

  /// Images of many pages, so that what is cut off is not in the last one, in 3 classes told apart by their first pixel.
  private static func content(seed: Int) -> [String: Data] {
    var files: [String: Data] = [:]
    for (name, count) in [("train", 300), ("validation", 20)] {
      var images = (0..<count * 64).map { UInt8(($0 * 7 + seed * 31) % 256) }
      for image in 0..<count { images[image * 64] = UInt8((image + seed) % 3 * 120) }
      files["\(name)-images"] = idx([count, 8, 8], images)
      files["\(name)-labels"] = idx([count], (0..<count).map { UInt8(($0 + seed) % 3) })
    }
    return files
  }

  private enum Change { case replaced, overwritten }

  private static func write(_ program: Program, seed: Int, _ change: Change = .replaced) throws {
    try FileManager.default.createDirectory(atPath: program.file("own"), withIntermediateDirectories: true)
    for (name, data) in content(seed: seed) {
      try data.write(
        to: URL(fileURLWithPath: program.file("own/\(name)")), options: change == .replaced ? .atomic : [])
    }
  }

  private static func config(_ name: String, epochs: Int = 2) -> String {
    let files = ["train_images", "train_labels", "validation_images", "validation_labels"]
      .map { #", "\#($0)": "own/\#($0.replacing("_", with: "-"))""# }.joined()
    return ConfigText(
      name: name, epochs: epochs, variants: #"{"name": "two", "bits": 2}"#, seeds: "[0]",
      dataset: #"{"name": "idx"\#(files)}"#
    ).text
  }

  private static func hash(_ program: Program, _ name: String) throws -> String? {
    try program.record("results/\(name)", "two-seed0")["data_sha256"] as? String
  }

  /// Configs, data and results that lie elsewhere now are the same experiment; a config beside others' data is another one.
  @Test func aProjectThatWasMovedGrows() throws {
    let program = try Program()
    func put(_ project: String, epochs: Int = 2, seeds: String) throws {
      let text = Self.config("own", epochs: epochs).replacing(#""seeds": [0]"#, with: #""seeds": \#(seeds)"#)
      try program.put(text, as: "\(project)/own.json")
    }
    func run(_ project: String) throws -> Program.Result {
      try program("run", "\(project)/own.json", "-q", "--results", "\(project)/results")
    }
    let files = FileManager.default
    try files.createDirectory(atPath: program.file("project"), withIntermediateDirectories: true)
    try Self.write(program, seed: 1)
    try files.moveItem(atPath: program.file("own"), toPath: program.file("project/own"))
    try put("project", seeds: "[0]")
    #expect(try run("project").code == 0)
    let before = try program.record("project/results/own", "two-seed0")
    try files.moveItem(atPath: program.file("project"), toPath: program.file("moved"))
    for seeds in ["[0]", "[0, 1]"] {
      try put("moved", seeds: seeds)
      let result = try run("moved")
      #expect(result.code == 0 && !program.exists("moved/results/own-2"), "\(result)")
      #expect(
        try program.record("moved/results/own", "two-seed0")["ended"] as? String == before["ended"] as? String
      )
      #expect(try program.text("moved/results/own/.origin").hasSuffix("/moved\n"))
    }
    #expect(program.exists("moved/results/own/runs/two-seed1/model.safetensors"))
    // The former place is another project's now.
    try files.copyItem(atPath: program.file("moved/own"), toPath: program.file("other/own"))
    try put("other", seeds: "[0]")
    let other = try program("run", "other/own.json", "--results", "moved/results")
    #expect(other.code == 0 && other.errors.contains("a config in another folder, whose files it names,"))
  }

  /// Each run is trained on the files as they are when it begins, to the bytes of a program that starts then.
  @Test func everyRunIsTrainedOnTheFilesAsTheyAre() throws {
    let program = try Program()
    let daemon = try RunningDaemon(program)
    var hashes: [String?] = []
    for (index, change) in [Change.replaced, .overwritten, .replaced].enumerated() {
      try Self.write(program, seed: index, change)
      let name = "run-\(index)"
      try program.put(Self.config(name), as: "\(name).json")
      #expect(try program("submit", "\(name).json").code == 0)
      #expect(try program("wait", name).code == 0)
      #expect(try program("run", "\(name).json", "-q", "--results", "fresh").code == 0)
      #expect(try program.results("results/\(name)") == program.results("fresh/\(name)"), "\(change)")
      hashes.append(try Self.hash(program, name))
      #expect(try program.status()["\(name)/two-seed0"]?["data_sha256"] as? String == hashes.last)
    }
    #expect(Set(hashes).count == 3 && !hashes.contains(nil))
    #expect(daemon.terminate() == 0)
  }

  /// A run at work keeps what it has read; the next one is told what is wrong; then the first goes on, on other data.
  @Test func filesThatGetShorterKillNobody() throws {
    let program = try Program()
    try Self.write(program, seed: 0)
    let daemon = try RunningDaemon(program)
    try program.put(Self.config("long", epochs: 1_000_000), as: "long.json")
    #expect(try program("submit", "long.json").code == 0)
    while try program.status()["long/two-seed0"]?["status"] as? String != "running" {}
    // The queue knows that it runs before the run's record says so.
    while !program.exists("results/long/runs/two-seed0/run.json") { usleep(1000) }
    let before = try Self.hash(program, "long")
    try #require(truncate(program.file("own/train-images"), 20) == 0)
    try program.put(Self.config("next"), as: "next.json")
    #expect(try program("submit", "next.json").code == 0)
    #expect(try program("wait", "next").code == 1)
    let next = try #require(try program.status()["next/two-seed0"])
    #expect((next["error"] as? String)?.contains("truncated: found 20 bytes") == true)
    // Past the end of the epoch in which the file was cut.
    let epoch = try program.status()["long/two-seed0"]?["step"] as? Int ?? 0
    while (try program.status()["long/two-seed0"]?["step"] as? Int ?? 0) <= epoch {
      try #require(daemon.process.isRunning, "the daemon ended with \(daemon.process.code)")
    }
    #expect(try program("pause", "long").code == 0)
    while try program.status()["long/two-seed0"]?["status"] as? String != "paused" {}
    try Self.write(program, seed: 1)
    #expect(try program("resume", "long").code == 0)
    while try !program.text("results/long/runs/two-seed0/run.log").contains("the run begins anew") {
      try #require(daemon.process.isRunning)
    }
    #expect(try program("cancel", "long").code == 0)
    #expect(try program("wait", "long").code == 0)
    let after = try Self.hash(program, "long")
    #expect(after != before)
    let hashes = "from data_sha256 \(before ?? "?") to \(after ?? "?")"
    // Then all is in the log.
    #expect(daemon.terminate() == 0)
    #expect(try program.text("results/.bitlab/daemon.log").contains("\(hashes): the run begins anew"))
  }
}
