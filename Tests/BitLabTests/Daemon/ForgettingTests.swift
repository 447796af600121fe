import Experiments
import Files
import Foundation
import Scheduler
import Testing

@testable import bitlab

/// Experiments that have ended leave the queue; their files tell the rest.
struct ForgettingTests {
  private static func tiny(_ name: String, rate: String = "0.01") -> String {
    ConfigText(name: name, rate: rate, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]").text
  }

  /// A daemon whose experiments of these names have ended and are forgotten.
  private func ended(_ names: [String]) throws -> InProcessDaemon {
    let daemon = try InProcessDaemon(slots: 2)
    try daemon.submit(names.map { Self.tiny($0) })
    #expect(daemon.verb("wait").code == 0)
    try daemon.wait { $0.submissions.isEmpty && $0.jobs.isEmpty }
    return daemon
  }

  @Test func onlyTheNewestEndsAreShown() throws {
    let names = (0..<QueueState.mostRecentlyEnded + 4).map { "tiny\($0)" }
    let daemon = try ended(names)
    let shown = try daemon.status()
    #expect(shown.count == QueueState.mostRecentlyEnded)
    #expect(shown.values.allSatisfy { $0["status"] as? String == "completed" })
    let hidden = try #require(names.first { shown["\($0)/full-seed0"] == nil })
    // Whoever asks for it by name is told.
    for word in [hidden, "\(hidden)/full-seed0"] {
      let value = try #require(try daemon.json("status", word) as? [String: Any])
      let runs = try #require(value["runs"] as? [[String: Any]])
      #expect(runs.map { $0["run"] as? String } == ["full-seed0"])
      #expect(daemon.verb("wait", word).code == 0)
      #expect(daemon.verb("cancel", word).output.contains("has already ended: completed"))
    }
    #expect(daemon.verb("status", hidden + "x").code == 2)
    func everyEnd() throws -> Int {
      try #require((try daemon.json("status", "--ended") as? [String: Any])?["runs"] as? [Any]).count
    }
    #expect(try everyEnd() == names.count)
    // Those that are removed make room for older ones, and no number counts them any more.
    let gone = names.suffix(2)
    #expect(daemon.verb("remove", "--yes", gone[gone.startIndex], gone[gone.startIndex + 1]).code == 0)
    #expect(try daemon.status().count == QueueState.mostRecentlyEnded)
    #expect(daemon.daemon?.core.engine.report().forgottenCount == names.count - 2)
    #expect(daemon.verb("restart", "--yes", names[0]).code == 0 && daemon.verb("wait", names[0]).code == 0)
    try daemon.wait { $0.submissions.isEmpty && $0.jobs.isEmpty }
    #expect(daemon.daemon?.core.engine.report().forgottenCount == names.count - 2)
    let stays = try daemon.status()
    #expect(daemon.verb("status").errors.contains("these are the newest: --ended lists all"))
    // Without a daemon it is the same, and the next one knows the same: its journal holds no more.
    daemon.stop()
    #expect(try everyEnd() == names.count - 2)
    #expect(try daemon.status().count == QueueState.mostRecentlyEnded)
    try daemon.start(slots: 1)
    #expect(try daemon.status().keys == stays.keys)
    #expect(try POSIXFileSystem().readAll(daemon.results + "/.bitlab/journal").count < 64 << 10)
  }

  @Test func whatIsForgottenCanBeRestartedAndSubmittedAgain() throws {
    let daemon = try ended(["tiny"])
    let before = try experimentResults(daemon.results + "/tiny")
    #expect(try daemon.submit(Self.tiny("tiny")).output.contains("nothing to do again"))
    #expect(try daemon.submit(Self.tiny("tiny", rate: "0.5")).output.contains("these go to tiny-2"))
    #expect(daemon.verb("restart", "--yes", "tiny").output.contains("tiny/full-seed0: begins again"))
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == before)
    let log = try daemon.logText()
    #expect(log.split(separator: "\n").count { $0.hasSuffix("tiny/full-seed0: begins") } == 2)
  }

  /// Cancelled runs of a forgotten experiment go on where they were when the config is submitted again.
  @Test func whatWasCancelledGoesOn() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let text = ConfigText(epochs: 300, training: #", "checkpoint_every_steps": 7"#, seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    #expect(daemon.verb("cancel", "tiny").code == 0)
    try daemon.wait { $0.submissions.isEmpty }
    #expect(try daemon.submit(text).output.contains("tiny: the same experiment is known; 2 runs go on"))
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
  }

  /// A folder that is moved away while its run is under way: the experiment ends, and the queue forgets it all the same.
  @Test func anExperimentThatIsMovedAwayIsForgotten() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    while !daemon.exists("results/long/runs/full-seed0/run.json") { usleep(1000) }
    try FileManager.default.moveItem(atPath: daemon.results + "/long", toPath: daemon.folder.file("away"))
    // Where its next checkpoint found no folder the run has failed by now, and been forgotten.
    #expect([0, 2].contains(daemon.verb("cancel", "long").code))
    try daemon.wait { $0.submissions.isEmpty }
    #expect(!daemon.exists("results/long"))
    #expect(try daemon.logText().contains("is not there any more"))
  }

  /// Settings that nobody submitted do not train under the old name.
  @Test func anEditedConfigIsNotRestarted() throws {
    let daemon = try ended(["tiny"])
    let path = daemon.results + "/tiny/config.json"
    let before = try experimentResults(daemon.results + "/tiny")
    try Data(Self.tiny("tiny", rate: "0.5").utf8).write(to: URL(fileURLWithPath: path))
    let said = daemon.verb("restart", "--yes", "tiny").output
    #expect(said.contains("config.json has been changed since the run was trained"), "\(said)")
    #expect(try experimentResults(daemon.results + "/tiny") == before)
    #expect(daemon.daemon?.core.engine.report().state.jobs.isEmpty == true)
    // What decides no run's bytes may be edited.
    let harmless = ConfigText(
      name: "tiny", variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]", rest: #", "priority": 7"#)
    try Data(harmless.text.utf8).write(to: URL(fileURLWithPath: path))
    #expect(daemon.verb("restart", "--yes", "tiny").output.contains("begins again"))
    #expect(daemon.verb("wait", "tiny").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == before)
  }

  /// While an experiment is in the queue, what was accepted counts.
  @Test func anEditedConfigIsSaidAndNotUsed() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let text = ConfigText(epochs: 300, training: #", "checkpoint_every_steps": 7"#, seeds: "[0]").text
    #expect(try daemon.submit(text).code == 0)
    try daemon.wait(for: "tiny/full-seed0", "running")
    while !daemon.exists("results/tiny/runs/full-seed0/run.json") { usleep(1000) }
    daemon.stop()
    let edited = ConfigText(epochs: 2, rate: "0.5", seeds: "[0]").text
    try Data(edited.utf8).write(to: URL(fileURLWithPath: daemon.results + "/tiny/config.json"))
    try daemon.start(slots: 2)
    #expect(daemon.verb("wait").code == 0)
    #expect(try experimentResults(daemon.results + "/tiny") == daemon.undisturbed(text, "tiny"))
    let log = try daemon.logText()
    #expect(
      log.components(separatedBy: "config.json has been changed since it was accepted").count == 2, "\(log)")
  }
}
