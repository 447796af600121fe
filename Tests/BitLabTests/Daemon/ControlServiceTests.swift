import Experiments
import Files
import Foundation
import JSON
import Testing

@testable import Scheduler
@testable import bitlab

/// What clients that are not our own verbs may send.
struct ControlServiceTests {
  private func client(_ daemon: InProcessDaemon) throws -> ControlClient {
    try ControlClient.connect(ResultsFolder(daemon.results).socketFile, version: "test")
  }

  /// As long as a request may be, and near no name: it is answered, and so is whoever comes next.
  @Test func aHugeWordIsUnknown() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    for letter in ["x", "\u{301}"] {
      // A letter with three million accents is one character.
      let word = "x" + String(repeating: letter, count: (7 << 20) / letter.utf8.count)
      for verb in ["pause", "status", "wait", "watch"] {
        let request: ControlMessage = ["verb": .string(verb), "targets": [.string(word)]]
        let failure = try #require(try client(daemon).request(request).last?.failure)
        #expect(failure.code == "usage" && failure.message.utf8.count < 2000)
        #expect(
          failure.message.hasPrefix("no run or experiment `") && !failure.message.contains("did you mean"))
      }
    }
    #expect(daemon.verb("pause", "lonk").errors.contains("did you mean `long`?"))
    #expect(daemon.verb("pause", "long").code == 0)
  }

  /// A million words, of which each means all runs of an experiment.
  @Test func aWordThatIsRepeatedCountsOnce() throws {
    let daemon = try InProcessDaemon(slots: 1)
    let seeds = "[" + (0..<1000).map(String.init).joined(separator: ", ") + "]"
    #expect(try daemon.submit(ConfigText(name: "a", epochs: 100_000, seeds: seeds).text).code == 0)
    let words = [JSONValue](repeating: "a", count: 1_000_000)
    let responses = try client(daemon).request(["verb": "pause", "targets": .array(words)])
    #expect(responses.count == 2001 && responses.last?.failure == nil)
  }

  /// What the verbs that steer print for programs, what was refused included.
  @Test func jsonIsOneValue() throws {
    let daemon = try InProcessDaemon(slots: 1)
    #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
    #expect(try daemon.submit(InProcessDaemon.long("later")).code == 0)
    try daemon.wait(for: "long/full-seed0", "running")
    for (verb, texts) in [
      ("pause", ["paused", "paused"]), ("resume", ["resumed", "resumed"]),
      ("cancel", ["cancelled", "cancelled"]),
      ("restart", ["begins again", "begins again"]),
    ] {
      if verb == "cancel" { #expect(daemon.verb("pause", "--all").code == 0) }
      // What was asked to stop has stopped.
      let engine = try #require(daemon.daemon).core.engine
      if verb == "restart" { while !engine.report().dispatcher.running.isEmpty { usleep(1000) } }
      let answers = try #require(try daemon.json(verb, "--all") as? [[String: Any]], "\(verb)")
      // What is restarted may be forgotten by then, and has no place in the queue any more.
      let runs = answers.map { $0["run"] as? String }
      #expect(runs.first == "long/full-seed0" || verb == "restart")
      #expect(Set(runs) == ["long/full-seed0", "later/full-seed0"])
      #expect(
        answers.map { $0["text"] as? String } == texts
          && answers.allSatisfy { $0["changed"] as? Bool == true })
      let problem = try #require(try daemon.json(verb, "lonk") as? [String: Any], "\(verb)")
      #expect(problem["exit_code"] as? Int == 2)
      #expect((problem["error"] as? String)?.contains("did you mean `long`?") == true)
    }
    let pid = try #require(try daemon.json("shutdown") as? [String: Any])
    #expect(pid as NSDictionary == ["pid": Int(getpid())])
    daemon.waitUntilStopped()
    for words in [["pause", "--all"], ["shutdown"]] {
      let said = daemon.verb(words + ["--json"], CapturedStreams())
      let problem = try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [String: Any]
      #expect(said.code == 69 && problem?["exit_code"] as? Int == 69)
    }
  }

  @Test func aDaemonOfAnotherVersionIsNamed() throws {
    let daemon = try InProcessDaemon()
    try ResultsFolder(daemon.results).create(in: POSIXFileSystem())
    let listener = try UnixSocket.listen(at: ResultsFolder(daemon.results).socketFile)
    defer {
      close(listener.descriptor)
      close(listener.folder)
    }
    let greeting = Thread {
      var entry = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
      poll(&entry, 1, -1)
      guard let descriptor = UnixSocket.accept(listener.descriptor) else { return }
      _ = UnixSocket.send(descriptor, Array("{\"bitlab\":99,\"version\":\"7.0\",\"pid\":1}\n".utf8), from: 0)
      close(descriptor)
    }
    greeting.start()
    let said = daemon.verb("status")
    #expect(said.code == 1 && said.output == "")
    #expect(said.errors.contains("the daemon is BitLab 7.0 (protocol 99)"))
    #expect(said.errors.contains("this program is BitLab \(Machine.bitlabVersion) (protocol 1)"))
  }
}
