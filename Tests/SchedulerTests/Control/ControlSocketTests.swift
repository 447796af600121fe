import Dispatch
import Foundation
import JSON
import Testing

@testable import Scheduler

/// Server and clients on real sockets. One test at a time, since one of them counts the process's descriptors.
@Suite(.serialized) struct ControlSocketTests {
  @Test func aRequestIsAnswered() throws {
    let server = try TestServer()
    let client = try server.client()
    #expect(client.server == ControlVersion(protocolVersion: 1, program: "1.2.3"))
    #expect(client.serverPID == Int(getpid()))
    for value in ["a", "é\n\"\\", ""] {
      let responses = try client.request(["verb": "echo", "value": .string(value)])
      #expect(responses == [["echo": .string(value), "done": true]])
    }
    let failure = try #require(try client.request(["verb": "nonsense"]).last?.failure)
    #expect(failure == ControlFailure(code: "unknown-verb", message: "no such verb"))
  }

  @Test func responsesAsTheyCame() throws {
    let server = try TestServer()
    let client = try server.client()
    let (lines, last) = try client.lines(answering: ["verb": "count", "to": 3])
    #expect(lines.map { String(decoding: $0, as: UTF8.self) } == (0..<3).map { #"{"number":\#($0)}"# })
    #expect(last == ["done": true])
    // What only looks like the last line, inside a text.
    let (none, echo) = try client.lines(answering: ["verb": "echo", "value": #""done":true}"#])
    #expect(none.isEmpty && echo["echo"] == #""done":true}"#)
    let failure = try client.lines(answering: ["verb": "nonsense"]).last.failure
    #expect(failure?.code == "unknown-verb")
    // The connection serves on.
    #expect(try client.request(["verb": "echo", "value": 1]) == [["echo": 1, "done": true]])
  }

  @Test func theGreetingIsTheOneDocumented() throws {
    let server = try TestServer()
    let client = try RawClient(server.folder.socket)
    #expect(try client.message() == ["bitlab": 1, "version": "1.2.3", "pid": .integer(Int(getpid()))])
  }

  @Test func manyClientsAreServedSideBySide() throws {
    let server = try TestServer()
    let failures = Inbox<String>()
    let path = server.folder.socket
    DispatchQueue.concurrentPerform(iterations: 60) { client in
      do {
        let connection = try ControlClient.connect(path, version: "1")
        for number in 0..<20 {
          let value = JSONValue.integer(client * 100 + number)
          let responses = try connection.request(["verb": "echo", "value": value])
          if responses != [["echo": value, "done": true]] { failures.put("\(responses)") }
        }
      } catch {
        failures.put("\(error)")
      }
    }
    #expect(failures.isEmpty)
    withExtendedLifetime(server) {}
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() throws {
    let server = try TestServer()
    let client = try server.rawClient()
    try client.send(
      "{\"verb\":\"hold\"}\n" + (0..<500).map { "{\"verb\":\"echo\",\"value\":\($0)}\n" }.joined())
    let reply = try server.handler.held.take()
    try server.expectService()
    reply.finish(["first": true])
    #expect(try client.message() == ["first": true, "done": true])
    for number in 0..<500 {
      #expect(try client.message() == ["echo": .integer(number), "done": true])
    }
  }

  @Test func requestsMayComeByteByByte() throws {
    let server = try TestServer()
    let client = try server.rawClient()
    for byte in Array("{\"verb\":\"echo\",\"value\":\"é\"}\n".utf8) { try client.send([byte]) }
    #expect(try client.message() == ["echo": "é", "done": true])
  }

  @Test func largeRequestsArriveAndTooLargeOnesAreNotSent() throws {
    let server = try TestServer()
    let text = String(repeating: "x", count: 8 << 20)
    let client = try server.client()
    #expect(throws: ControlError.requestTooLong(bytes: (8 << 20) + 26, limit: 8 << 20)) {
      try client.request(["verb": "drop", "value": .string(text)])
    }
    let fitting = text.dropLast(26)
    let response = try client.request(["verb": "drop", "value": .string(String(fitting))]).last
    #expect(response?.failure?.code == "unanswered")
  }

  @Test func whoHasClosedItsSendingHalfIsAnswered() throws {
    let server = try TestServer()
    let client = try server.rawClient()
    try client.send("{\"verb\":\"hold\"}\n{\"verb\":\"echo\",\"value\":1}\n")
    client.finishSending()
    let reply = try server.handler.held.take()
    try server.expectService()
    #expect(!reply.isClosed)
    reply.send(["update": 1])
    reply.finish()
    #expect(try client.message() == ["update": 1])
    #expect(try client.message() == ["done": true])
    #expect(try client.message() == ["echo": 1, "done": true])
    #expect(try client.message() == nil)
  }

  @Test func aReplyThatIsLetGoOfSaysSo() throws {
    let server = try TestServer()
    #expect(try server.client().request(["verb": "drop"]).last?.failure?.code == "unanswered")
  }

  @Test func aResponseThatIsTooLongBecomesAFailure() throws {
    let server = try TestServer()
    let client = try server.client()
    let value = JSONValue.string(String(repeating: "x", count: 1 << 20))
    #expect(try client.request(["verb": "echo", "value": value]).last?.failure?.code == "too-long")
    try server.expectService()
  }

  @Test func aStreamOfManyResponsesArrivesWhole() throws {
    let server = try TestServer()
    var numbers: [Int?] = []
    try server.client().stream(["verb": "count", "to": 20_000]) {
      numbers.append($0["number"]?.integer)
      return true
    }
    #expect(numbers == Array(0..<20_000) + [nil])
  }

  @Test func aThousandRequestsLeaveNoDescriptorBehind() throws {
    let server = try TestServer()
    try server.expectService()
    let before = try socketsOpen()
    for _ in 0..<1000 { try server.expectService() }
    // By the time that one more client is answered, the server has taken note that those before it have gone.
    let client = try server.client()
    _ = try client.request(["verb": "echo"])
    #expect(server.server.clientCount == 1)
    #expect(try socketsOpen() <= before + 4)
    client.disconnect()
    server.server.close()
    #expect(try socketsOpen() < before)
  }

  private func socketsOpen() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
      return target?.hasPrefix("socket:") == true
    }
  }
}
