import Files
import Foundation
import Scheduler
import TestSupport
import Testing

@testable import bitlab

/// The whole daemon on a disk that fails: no run lost, none finished twice, none failed, and the results of a run that
/// nobody disturbed.
///
/// Each operation fails in turn. In everyday tests only some do; `make torture` takes them all.
struct DaemonFaultTests {
  private static let text = ConfigText(
    training: #", "checkpoint_every_steps": 3"#, variants: #"{"name": "two", "bits": 2}"#, seeds: "[0]",
    rest: #", "max_retries": 100000"#
  ).text

  private static let isThorough = ProcessInfo.processInfo.environment["BITLAB_EVERY_FAULT"] != nil
  private static let faults: [FaultyFileSystem.Fault] = [
    .error(ENOSPC), .error(EIO), .tornWrite(ENOSPC), .shortWrite,
  ]

  @Test(arguments: faults) func everyOperationFailsOnce(_ fault: FaultyFileSystem.Fault) throws {
    try forEveryOperation { folder, number in
      let files = FaultyFileSystem(fault, at: number)
      try folder.drop(Self.text, as: "tiny.json")
      if (try? folder.start(slots: 1, files: files)) == nil {
        #expect(!files.failed.isEmpty)
        try folder.start(slots: 1)
      }
      try folder.wait {
        $0.submissions["tiny"] == nil && !$0.recentlyEnded.isEmpty && !folder.exists("queue/tiny.json")
      }
      folder.stop()
      return files.failed
    }
  }

  /// The disk is dead or full for good; the daemon is stopped, and the next one finds it mended.
  @Test(arguments: faults) func everyOperationFailsFromThenOn(_ fault: FaultyFileSystem.Fault) throws {
    try forEveryOperation { folder, number in
      let files = FaultyFileSystem(fault, at: number, persists: true)
      try folder.drop(Self.text, as: "tiny.json")
      if (try? folder.start(slots: 1, files: files)) != nil {
        // Some operations come only when the daemon stops.
        try folder.wait { !files.failed.isEmpty || !$0.recentlyEnded.isEmpty }
        folder.stop()
      }
      try folder.start(slots: 1)
      try folder.wait {
        $0.submissions["tiny"] == nil && !$0.recentlyEnded.isEmpty && !folder.exists("queue/tiny.json")
      }
      folder.stop()
      return files.failed
    }
  }

  /// Runs `body`, which returns what failed, for the operations in turn until none is left to fail.
  private func forEveryOperation(
    _ body: (_ daemon: InProcessDaemon, _ number: Int) throws -> [FileError.Operation]
  ) throws {
    let expected = try InProcessDaemon().undisturbed(Self.text, "tiny")
    let step = Self.isThorough ? 1 : 9
    var number = Self.isThorough ? 0 : Int.random(in: 0..<step)
    while true {
      let daemon = try InProcessDaemon()
      let failed = try body(daemon, number)
      let place: Comment = "operation \(number), \(failed.first.map { "\($0)" } ?? "none")"
      let runs = try daemon.status()
      #expect(runs.count == 1 && runs["tiny/two-seed0"]?["status"] as? String == "completed", place)
      #expect(try experimentResults(daemon.results + "/tiny") == expected, place)
      #expect(try daemon.text("results/tiny/config.json") == Self.text, place)
      #expect(try daemon.text("results/tiny/summary.csv").contains(",completed\n"), place)
      let log = try daemon.logText()
      #expect(log.split(separator: "\n").count { $0.hasSuffix("tiny/two-seed0: completed") } <= 1, place)
      #expect(try !POSIXFileSystem().list(daemon.queue).contains { $0.hasSuffix(".json") }, place)
      if failed.isEmpty {
        #expect(number > 100)
        return
      }
      number += step
    }
  }

  /// Nothing is killed and nothing fails: the run says that it waits, and goes on by itself when there is room.
  @Test func aFullDiskIsWaitedFor() throws {
    let text = ConfigText(epochs: 30, training: #", "checkpoint_every_steps": 7"#, seeds: "[0]").text
    let daemon = try InProcessDaemon()
    let files = FaultyFileSystem(.tornWrite(ENOSPC), at: 300, persists: true, only: [.write])
    try daemon.start(slots: 2, files: files)
    #expect(try daemon.submit(text).code == 0)
    try daemon.wait { state in state.jobs.values.contains { $0.problem?.contains("No space left") == true } }
    var reason: String?
    while reason == nil {
      let waiting = try daemon.status().values.compactMap { $0["waiting_for"] as? String }
      reason = waiting.first { $0.contains("another try in") && $0.contains("No space left") }
    }
    files.heal()
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
  }

  /// What cannot be journaled is not acknowledged: whoever submits is told, and the file in the folder stays.
  @Test func withoutAJournalNothingIsAccepted() throws {
    let daemon = try InProcessDaemon()
    let files = FaultyFileSystem(.error(ENOSPC), at: .max, persists: true, only: [.synchronize])
    try daemon.start(slots: 1, files: files)
    files.breakDown()
    let said = try daemon.submit(ConfigText().text)
    #expect(said.code == 1 && said.errors.contains("No space left"), "\(said)")
    try daemon.drop(ConfigText().text, as: "tiny.json")
    #expect(try daemon.status().isEmpty)
    files.heal()
    try daemon.wait { $0.submissions["tiny"] == nil && $0.recentlyEnded.count == 4 }
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(ConfigText().text, "tiny"))
  }

  /// The journal's disk is full for much longer than it takes to try again once; nobody does anything.
  @Test func aJournalWithoutRoomStallsNothing() throws {
    let text = ConfigText(epochs: 3, seeds: "[0, 1]").text
    let daemon = try InProcessDaemon()
    let files = FaultyFileSystem(
      .error(ENOSPC), at: .max, persists: true, failingUnder: daemon.results + "/.bitlab/journal")
    try daemon.start(slots: 1, files: files)
    #expect(try daemon.submit(text).code == 0)
    files.breakDown()
    let deadline = Date(timeIntervalSinceNow: 60)
    while files.failed.count < 10, Date() < deadline { usleep(1_000) }
    #expect(files.failed.count >= 10)
    files.heal()
    try daemon.wait { $0.submissions["tiny"] == nil && $0.recentlyEnded.count == 4 }
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
    daemon.stop()
    try daemon.start(slots: 1)
    #expect(try daemon.status().values.allSatisfy { $0["status"] as? String == "completed" })
    let log = try daemon.logText()
    #expect(log.contains("the journal can be written again") && !log.contains("passed over"))
  }
}
