import Foundation
import Testing

/// What a second user can do with a results folder that a daemon of the first one has.
@Suite(.enabled(if: Isolation.hasOtherUsers, "needs root, to be another user"))
struct ForeignFolderTests {
  private static let asNobody = #"exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "#

  @Test func theFilesTellWhatTheDaemonDoesNot() throws {
    let program = try Program()
    try program.put(ConfigText(variants: #"{"name": "two", "bits": 2}"#).text, as: "tiny.json")
    let daemon = try RunningDaemon(program)
    #expect(try program("submit", "tiny.json").code == 0)
    #expect(try program("wait").code == 0)
    let table = try program.shell(Self.asNobody + "status")
    #expect(table.code == 0, "\(table.errors)")
    #expect(table.errors.contains("results/.bitlab belongs to user root"))
    #expect(table.output.contains("tiny/two-seed0") && table.output.contains("completed"))
    let said = try program.shell(Self.asNobody + "status --json")
    let value = try #require(try program.json(said.output) as? [String: Any])
    let runs = try #require(value["runs"] as? [[String: Any]])
    #expect(runs.count == 2 && runs.allSatisfy { $0["status"] as? String == "completed" })
    let log = try program.text("results/tiny/runs/two-seed0/run.log")
    for verb in ["logs", "logs -f"] {
      let logs = try program.shell(Self.asNobody + verb + " tiny/two-seed0")
      #expect(logs.code == 0 && logs.output == log && logs.errors == "", "\(logs.errors)")
    }
    #expect(daemon.terminate() == 0)
  }

  @Test(arguments: ["pause --all", "watch", "wait", "shutdown", "submit tiny.json"])
  func whatNeedsTheDaemonSaysWhoseItIs(words: String) throws {
    let program = try Program()
    try program.put(ConfigText().text, as: "tiny.json")
    let daemon = try RunningDaemon(program)
    let said = try program.shell(Self.asNobody + words)
    #expect(said.code == 69 && said.errors.contains("is for user root alone"), "\(said.errors)")
    #expect(daemon.terminate() == 0)
  }
}
