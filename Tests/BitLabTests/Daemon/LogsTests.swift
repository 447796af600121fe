import Experiments
import Files
import Foundation
import Testing

@testable import bitlab

struct LogsTests {
  @Test func printsTheLogAsItIs() throws {
    let daemon = try InProcessDaemon(slots: 2)
    #expect(try daemon.submit(ConfigText().text).code == 0)
    #expect(daemon.verb("wait").code == 0)
    let log = try daemon.text("results/tiny/runs/two-seed1/run.log")
    #expect(daemon.verb("logs", "tiny/two-seed1").output == log)
    #expect(log.contains("began: ") && log.contains("completed"))
    let lines = try #require(try daemon.json("logs", "tiny/two-seed1") as? [String])
    #expect(lines == log.split(separator: "\n").map(String.init))
    daemon.stop()
    #expect(daemon.verb("logs", "tiny/two-seed1").output == log)
    // Followed, each line is a value of its own: an array would have no end before the run has.
    let followed = daemon.verb("logs", "-f", "--json", "tiny/two-seed1").output.split(separator: "\n")
    let values = try followed.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed) as? String
    }
    #expect(values == lines)
  }

  @Test func followingEndsWithTheRun() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    while !daemon.exists("results/long/runs/full-seed0/run.log") { usleep(1000) }
    let streams = daemon.begin("logs", "-f", "long/full-seed0")
    #expect(streams.wait(for: "epoch 3", on: STDOUT_FILENO))
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(streams.wait(for: "logs ended with code 0", on: STDERR_FILENO))
    #expect(streams.text(STDOUT_FILENO).hasSuffix("cancelled\n"))
  }

  /// A run that goes on again and waits has not ended, whatever its record says of the attempt before.
  @Test func followingWaitsForTheNextAttempt() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    // Before its first step there is nothing to go on from.
    let folder = RunFolder("\(daemon.results)/long/runs/full-seed0")
    while folder.checkpoints(in: POSIXFileSystem()).newestStep == nil { usleep(1000) }
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(daemon.verb("wait").code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("other")).code == 0)
    try daemon.wait(for: "other/full-seed0", "running")
    #expect(try daemon.submit(InProcessDaemon.long()).output.contains("goes on"))
    let streams = daemon.begin("logs", "-f", "long/full-seed0")
    #expect(streams.wait(for: "cancelled\n", on: STDOUT_FILENO))
    #expect(daemon.verb("cancel", "other").code == 0)
    #expect(streams.wait(for: "goes on after step", on: STDOUT_FILENO))
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(streams.wait(for: "logs ended with code 0", on: STDERR_FILENO))
  }

  /// Nothing of the second run is there when following begins, not even its folder.
  @Test func followingWaitsForTheBeginning() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("later")).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    #expect(!daemon.exists("results/later/runs/full-seed0"))
    let streams = daemon.begin("logs", "-f", "later/full-seed0")
    #expect(daemon.verb("cancel", "long").code == 0)
    #expect(streams.wait(for: "epoch 1", on: STDOUT_FILENO))
    #expect(streams.text(STDOUT_FILENO).contains("began: "))
    #expect(daemon.verb("cancel", "later").code == 0)
    #expect(streams.wait(for: "logs ended with code 0", on: STDERR_FILENO))
  }

  /// It never has a log, nor a record of its own.
  @Test func followingEndsWithARunThatIsCancelledBeforeItBegins() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("later")).code == 0)
    let streams = daemon.begin("logs", "-f", "later/full-seed0")
    #expect(streams.wait(for: "later/full-seed0 has not begun; waiting for its log", on: STDERR_FILENO))
    #expect(daemon.verb("cancel", "later").code == 0)
    #expect(streams.wait(for: "logs ended with code 0", on: STDERR_FILENO))
    #expect(streams.text(STDERR_FILENO).contains("later/full-seed0 has ended without a log"))
  }

  /// The system's watches are used up: the log is looked at now and then, and that is said once.
  @Test(
    .enabled(if: Isolation.hasUserNamespaces, "needs user namespaces"), arguments: ["instances", "watches"])
  func followingWithoutWatches(what: String) throws {
    let program = try Program()
    let config = ConfigText(
      epochs: 1_000_000, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]"
    ).text
    try program.put(config, as: "tiny.json")
    let daemon = try RunningDaemon(program)
    #expect(try program("submit", "tiny.json").code == 0)
    while try !program.hasRow(10, in: "results/tiny/runs/full-seed0/curve.csv") {}
    let following = try RunningProgram(
      program.shellProcess(
        """
        exec unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_inotify_\(what) && exec "$0" logs -f \
        tiny/full-seed0 > followed' "$0"
        """))
    try following.read(until: "the log is looked at every second")
    let epochs = try program.text("results/tiny/runs/full-seed0/curve.csv").split(separator: "\n").count
    while try !program.text("followed").contains("epoch \(epochs + 1):") {
      try #require(following.process.isRunning, "\(following.said)")
      usleep(1000)
    }
    #expect(try program("cancel", "tiny").code == 0)
    #expect(following.finish() == 0)
    #expect(following.said.contains("fs.inotify.max_user_\(what)"))
    #expect(following.said.split(separator: "\n").count == 1)
    #expect(daemon.terminate() == 0)
  }

  @Test func unknownRunsAreNamed() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("later")).code == 0)
    #expect(daemon.verb("logs", "long/ful-seed0").errors.contains("did you mean `long/full-seed0`?"))
    #expect(daemon.verb("logs", "later/full-seed0").errors.contains("has no log yet: it has not begun"))
    #expect(daemon.verb("logs").code == 2)
    for (word, problem) in [
      ("long", "`long` is an experiment, logs needs a run: did you mean `long/full-seed0`?"),
      ("lnog", "no run `lnog`: did you mean `long/full-seed0`?"),
      ("latter/full-seed0", "no run `latter/full-seed0`: did you mean `later/full-seed0`?"),
      ("something", "no run `something`: `bitlab status` lists them"),
    ] {
      let said = daemon.verb("logs", word)
      #expect(said.code == 2 && said.errors.contains(problem), "\(said.errors)")
    }
  }
}
