import Files
import Foundation
import TestSupport
import Testing

@testable import bitlab

struct RemoveTests {
  @Test func anExperimentThatHasEndedIsRemoved() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let text = ConfigText(seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let refused = daemon.verb("remove", "tiny")
    #expect(
      refused.code == 2 && refused.errors.contains("remove tiny (2 runs)") && refused.errors.contains("--yes")
    )
    #expect(daemon.exists("results/tiny/config.json"))
    let typo = daemon.verb("remove", "tini", "--yes")
    #expect(typo.code == 2 && typo.errors.contains("did you mean `tiny`?"))
    #expect(daemon.verb("remove").code == 2)
    let said = daemon.verb("remove", "tiny", "--yes")
    #expect(said.code == 0 && said.output == "tiny: removed\n", "\(said)")
    #expect(try !daemon.exists("results/tiny") && daemon.status().isEmpty)
    #expect(try POSIXFileSystem().list(daemon.results + "/.bitlab").allSatisfy { !$0.hasPrefix("removed") })
    // Nothing of it is left to be taken over, or to be remembered by the next process.
    daemon.stop()
    try daemon.start(slots: 2)
    #expect(try daemon.status().isEmpty)
    #expect(try daemon.submit(text).output == "tiny: accepted, 2 runs\n")
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
  }

  /// The experiment is gone for everybody, and that some of its files are still there is said.
  @Test(.enabled(if: canMakeImmutable), arguments: [false, true])
  func filesThatCannotBeDeleted(withDaemon: Bool) throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText(seeds: "[0]").text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    if !withDaemon { daemon.stop() }
    let model = "runs/full-seed0/model.safetensors"
    #expect(Self.chattr("+i", daemon.results + "/tiny/" + model))
    let said = daemon.verb("remove", "tiny", "--yes")
    let left = try POSIXFileSystem().list(daemon.results + "/.bitlab").filter { $0.hasPrefix("removed") }
    #expect(left.count == 1)
    let folder = try daemon.results + "/.bitlab/" + #require(left.first)
    #expect(Self.chattr("-i", "\(folder)/\(model)"))
    #expect(said.code == 0 && said.output == "tiny: removed\n" && !daemon.exists("results/tiny"), "\(said)")
    #expect(
      said.errors
        == "bitlab: some files could not be deleted, and stay in \(folder): delete them by hand, as "
        + "somebody who may\n")
    // The next who owns the folder tries again.
    if !withDaemon {
      try daemon.start(slots: 1)
    } else {
      #expect(daemon.verb("remove", "tiny", "--yes").code == 2)
    }
    daemon.stop()
    #expect(daemon.verb("run", try daemon.config(ConfigText(seeds: "[0]").text, as: "again.json")).code == 0)
    #expect(!POSIXFileSystem().exists(folder))
  }

  /// Removing makes room: it does not wait for the journal, which knows of it when it can be written again.
  @Test func onAFullDisk() throws {
    let daemon = try InProcessDaemon()
    let files = FaultyFileSystem(
      .error(ENOSPC), at: .max, failingUnder: daemon.results + "/.bitlab/journal")
    try daemon.start(slots: 1, files: files)
    #expect(try daemon.submit(ConfigText(seeds: "[0]").text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    files.breakDown()
    let said = daemon.verb("remove", "tiny", "--yes")
    #expect(said.code == 0 && said.output == "tiny: removed\n" && !daemon.exists("results/tiny"), "\(said)")
    #expect(try daemon.status().isEmpty)
    files.heal()
    try daemon.wait { try daemon.logText().contains("the journal can be written again") }
    daemon.stop()
    try daemon.start(slots: 1)
    #expect(try daemon.status().isEmpty)
  }

  private static func chattr(_ flag: String, _ path: String) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "chattr \(flag) \"$0\" 2> /dev/null", path]
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  /// Where the file system knows it, and the user may.
  private static let canMakeImmutable: Bool = {
    guard let folder = try? TemporaryFolder(), (try? folder.put([], as: "probe")) != nil else {
      return false
    }
    return chattr("+i", folder.file("probe")) && chattr("-i", folder.file("probe"))
  }()

  @Test func whatHasNotEndedStays() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    while !daemon.exists("results/long/config.json") { usleep(1000) }
    let said = daemon.verb("remove", "long", "--yes")
    #expect(said.code == 2 && said.errors.contains("long: some of its runs have not ended: cancel them"))
    #expect(try daemon.submit(ConfigText(seeds: "[0]", rest: #", "priority": 1"#).text).code == 0)
    #expect(daemon.verb("cancel", "tiny").code == 0)
    while !daemon.exists("results/tiny/summary.csv") { usleep(1000) }
    // All or none.
    #expect(daemon.verb("remove", "tiny", "long", "--yes").code == 2 && daemon.exists("results/tiny"))
    daemon.stop()
    let without = daemon.verb("remove", "long", "--yes")
    #expect(without.code == 2 && without.errors.contains("long: a daemon has runs of it"), "\(without)")
    #expect(daemon.exists("results/long/config.json"))
  }

  /// Without a daemon too, and the next one knows nothing of it.
  @Test func withoutADaemon() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText(seeds: "[0]").text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    try daemon.wait { $0.submissions.isEmpty }
    daemon.stop()
    #expect(daemon.verb("remove", "tiny", "--yes").code == 0)
    #expect(try !daemon.exists("results/tiny") && daemon.status().isEmpty)
    try daemon.start(slots: 1)
    #expect(try daemon.status().isEmpty)
    daemon.stop()
    try daemon.start(slots: 1)
    #expect(daemon.daemon?.core.engine.report().state.recentlyEnded.isEmpty == true)
  }

  /// What a process that died while it removed has left goes with the next one.
  @Test func aRemovalIsFinished() throws {
    let daemon = try InProcessDaemon()
    let left = daemon.results + "/.bitlab/removed-1"
    try FileManager.default.createDirectory(atPath: left + "/runs", withIntermediateDirectories: true)
    try daemon.start(slots: 1)
    #expect(!daemon.exists("results/.bitlab/removed-1"))
  }

  @Test func onlyWhatFailedIsRestarted() throws {
    let daemon = try InProcessDaemon(slots: 2)
    let variants =
      #"{"name": "full", "bits": 32}, {"name": "wild", "bits": 32, "learning_rate": 1e30, "optimizer": "sgd"}"#
    #expect(try daemon.submit(ConfigText(variants: variants, seeds: "[0]").text).code == 0)
    #expect(daemon.verb("wait").code == 1)
    let none = daemon.verb("restart", "tiny/full-seed0", "--failed")
    #expect(none.code == 0 && none.errors.contains("no run has failed"), "\(none)")
    for words in [["--failed"], ["tiny", "--failed"]] {
      #expect(daemon.verb(["restart"] + words, CapturedStreams()).output == "tiny/wild-seed0: begins again\n")
      #expect(daemon.verb("wait").code == 1)
    }
    let unsure = daemon.verb("restart", "tiny")
    #expect(
      unsure.code == 2 && unsure.errors.contains("train 1 completed run again, from nothing?"), "\(unsure)")
    #expect(daemon.verb("restart", "--all", "--failed", "--yes").code == 0)
    #expect(daemon.verb("pause", "--failed").code == 2)
  }
}
