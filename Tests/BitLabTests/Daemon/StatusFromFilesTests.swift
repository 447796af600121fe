import Experiments
import Files
import Foundation
import Testing

@testable import bitlab

/// What `status` says of runs when no daemon answers.
struct StatusFromFilesTests {
  @Test func whatAForegroundRunTrains() throws {
    let program = try Program()
    try program.put(ConfigText(epochs: 100_000, seeds: "[0]").text, as: "tiny.json")
    let running = try program.start("run", "tiny.json", "--jobs", "1")
    try running.read(until: "epoch 3:")
    let pid = running.process.processIdentifier
    var runs = try program.status()
    #expect(runs["tiny/full-seed0"]?["status"] as? String == "running")
    #expect(runs["tiny/full-seed0"]?["waiting_for"] is NSNull)
    #expect(runs["tiny/two-seed0"]?["status"] as? String == "queued")
    let waits = "process \(pid), which has the results folder, to run it or to end"
    #expect(runs["tiny/two-seed0"]?["waiting_for"] as? String == waits)
    #expect(
      try program("status").errors
        == "no daemon runs, but process \(pid) has the results folder; this is from the files\n2 runs: 1 queued, 1 running\n"
    )
    running.send(SIGKILL)
    #expect(running.finish() == -SIGKILL)
    runs = try program.status()
    #expect(runs.values.allSatisfy { $0["status"] as? String == "queued" })
    #expect(
      runs.values.allSatisfy { $0["waiting_for"] as? String == "its config to be run or submitted again" })
    #expect((runs["tiny/full-seed0"]?["step"] as? Int ?? 0) > 0)
    #expect(try program("status").errors == "no daemon runs; this is from the files\n2 runs: 2 queued\n")
  }

  /// What their records say is of the attempt before.
  @Test func restartedAndContinuedRunsWait() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let text = ConfigText(variants: #"{"name": "full", "bits": 32}"#, seeds: "[0, 1]").text
    #expect(try daemon.submit(text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let other = InProcessDaemon.long("other")
    #expect(try daemon.submit(other).code == 0)
    try daemon.wait(for: "other/full-seed0", "running")
    #expect(daemon.verb("cancel", "other").code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(daemon.verb("restart", "--yes", "tiny/full-seed1").code == 0)
    #expect(try daemon.submit(other).code == 0)
    let before = try daemon.status()
    daemon.stop()
    let after = try daemon.status()
    for name in ["tiny/full-seed1", "other/full-seed0"] {
      #expect(after[name]?["status"] as? String == "queued", "\(name)")
      #expect(after[name]?["waiting_for"] as? String == "a daemon to run it")
      for key in ["step", "epoch", "ended", "final_val_accuracy"] {
        #expect(after[name]?[key] as? NSObject == before[name]?[key] as? NSObject, "\(name): \(key)")
      }
    }
    #expect(after["tiny/full-seed1"]?["step"] as? Int == 0)
    #expect(after["tiny/full-seed0"]?["status"] as? String == "completed")
  }

  /// Its runs are there all the same, and that it is damaged is said.
  @Test(arguments: [false, true]) func anExperimentWhoseConfigCannotBeRead(withDaemon: Bool) throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    try daemon.wait { $0.submissions.isEmpty }
    if !withDaemon { daemon.stop() }
    try Data("{".utf8).write(to: URL(fileURLWithPath: daemon.results + "/tiny/config.json"))
    let said = daemon.verb("status", "--ended")
    #expect(said.code == 0 && said.errors.contains("tiny: "), "\(said)")
    #expect(said.errors.contains("results/tiny/config.json:1:2"), "\(said)")
    #expect(said.output.split(separator: "\n").count { $0.contains("completed") } == 4, "\(said)")
  }

  /// The queue will not run it again.
  @Test func anEndThatTheJournalHasNotHeardOf() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("pause", "tiny/full-seed0").code == 0)
    daemon.stop()
    #expect(try daemon.status()["tiny/full-seed0"]?["status"] as? String == "paused")
    #expect(daemon.verb("run", try daemon.config(ConfigText().text, as: "tiny.json")).code == 0)
    #expect(try daemon.status().values.count { $0["status"] as? String == "completed" } == 4)
  }

  /// Of two records that say `running` the newer one is the word of whoever holds the folder.
  @Test func theHolderOfTheFolderGoesBeforeTheJournal() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("other")).code == 0)
    for name in ["long", "other"] {
      while !daemon.exists("results/\(name)/runs/full-seed0/run.json") { usleep(1000) }
    }
    daemon.stop()
    try POSIXFileSystem().remove(daemon.results + "/.bitlab/lock")
    func write(_ name: String) throws -> String {
      let path = ResultsFolder(daemon.results).experiment(name).run("full-seed0").recordFile
      var record = try RunRecord(reading: path, in: POSIXFileSystem())
      record.status = .running
      try record.write(to: path, in: POSIXFileSystem())
      return path
    }
    // Before the lock was taken, by any clock.
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -10)], ofItemAtPath: write("other"))
    let lock = try FileLock(ResultsFolder(daemon.results).lockFile)
    _ = try write("long")
    let runs = try daemon.status()
    #expect(runs["long/full-seed0"]?["status"] as? String == "running")
    #expect(runs["other/full-seed0"]?["status"] as? String == "queued")
    #expect((runs["other/full-seed0"]?["waiting_for"] as? String)?.hasPrefix("process \(getpid())") == true)
    withExtendedLifetime(lock) {}
  }
}
