import Experiments
import Files
import Foundation
import Scheduler
import Testing

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
    let words = [ControlValue](repeating: "a", count: 1_000_000)
    let responses = try client(daemon).request(["verb": "pause", "targets": .array(words)])
    #expect(responses.count == 2001 && responses.last?.failure == nil)
  }
}
