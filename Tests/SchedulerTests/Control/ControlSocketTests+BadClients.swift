import Foundation
import JSON
import Testing

@testable import Scheduler

extension ControlSocketTests {
  @Test(arguments: [
    ("garbage\n", "malformed"), ("\n", "malformed"), ("[]\n", "malformed"), ("{}\n", "malformed"),
    ("{\"verb\":1}\n", "malformed"), ("{\"verb\":\"a\",\"verb\":\"b\"}\n", "malformed"),
    ("\0\0\0\n", "malformed"),
    ("{\"verb\":\"a\",\"x\":" + String(repeating: "[", count: 100_000) + "\n", "malformed"),
    (String(repeating: "x", count: 1_000_001), "too-long"),
  ])
  func whatIsNoRequestGetsAnErrorAndTheEnd(_ bytes: String, _ code: String) throws {
    try expectRefusal(Array(bytes.utf8), code)
  }

  @Test func invalidUTF8GetsAnErrorAndTheEnd() throws {
    try expectRefusal(Array("{\"verb\":\"".utf8) + [0xFF, 0xFE] + Array("\"}\n".utf8), "malformed")
  }

  private func expectRefusal(_ bytes: [UInt8], _ code: String) throws {
    var limits = ControlLimits()
    limits.requestBytes = 1_000_000
    let server = try TestServer(limits)
    let other = try server.client()
    let client = try server.rawClient()
    try client.send(bytes)
    let message = try #require(try client.message())
    #expect(message.failure?.code == code && message.isDone && message.failure?.message.isEmpty == false)
    #expect(try client.message() == nil)
    #expect(try other.request(["verb": "echo", "value": 1]) == [["echo": 1, "done": true]])
    try server.expectService()
  }

  @Test func whoNeverStopsSendingIsCutOff() throws {
    var limits = ControlLimits()
    limits.requestBytes = 1000
    let server = try TestServer(limits)
    let client = try server.rawClient()
    // Far more than the socket holds: the sending fails once the server has closed.
    #expect(try !client.send([UInt8](repeating: 120, count: 1 << 24)))
    #expect(try client.message()?.failure?.code == "too-long")
    try server.expectService()
  }

  @Test(arguments: ["", "{\"verb\":\"ec"]) func whoSendsNoWholeRequestRunsOutOfTime(_ start: String) throws {
    var limits = ControlLimits()
    limits.requestTimeout = .seconds(1)
    let server = try TestServer(limits)
    let client = try server.rawClient()
    let busy = try server.rawClient()
    try busy.send("{\"verb\":\"hold\"}\n")
    let reply = try server.handler.held.take()
    try client.send(start)
    #expect(try client.message()?.failure?.code == "timeout")
    #expect(try client.message() == nil)
    // Whoever waits for an answer may wait.
    #expect(!reply.isClosed)
    try server.expectService()
  }

  @Test func whoNeverReadsIsDisconnected() throws {
    var limits = ControlLimits()
    limits.outgoingBytes = 1 << 20
    let server = try TestServer(limits)
    let client = try server.rawClient()
    try client.send("{\"verb\":\"hold\"}\n")
    let reply = try server.handler.held.take()
    let closed = Inbox<Bool>()
    reply.onClose { closed.put(true) }
    let text = JSONValue.string(String(repeating: "x", count: 1000))
    var sent = 0
    while !reply.isClosed, sent < 100_000 {
      reply.send(["text": text])
      sent += 1
    }
    #expect(reply.isClosed && sent > 1000)
    _ = try closed.take()
    reply.finish()
    try server.expectService()
    // What the socket took, if anything, is still there, then the end comes without a last response.
    var last: ControlMessage?
    while let message = try client.message() { last = message }
    #expect(last?.isDone != true)
  }

  @Test func whoReadsSlowlyGetsTheLatestUpdate() throws {
    var limits = ControlLimits()
    limits.outgoingBytes = 1 << 20
    let server = try TestServer(limits)
    let client = try server.rawClient()
    try client.send("{\"verb\":\"hold\"}\n")
    let reply = try server.handler.held.take()
    let text = JSONValue.string(String(repeating: "x", count: 1000))
    for number in 0..<20_000 {
      reply.send(["number": .integer(number), "text": text], replacing: "progress")
    }
    try server.expectService()
    #expect(!reply.isClosed)
    reply.finish()
    var numbers: [Int] = []
    while let message = try client.message(), !message.isDone {
      numbers.append(message["number"]?.integer ?? -1)
    }
    #expect(numbers.last == 19_999 && numbers.count < 20_000)
    #expect(numbers == numbers.sorted())
  }

  @Test func aSenderCanWaitForItsReader() throws {
    var limits = ControlLimits()
    limits.outgoingBytes = 1 << 20
    let server = try TestServer(limits)
    let client = try server.rawClient()
    try client.send("{\"verb\":\"hold\"}\n")
    let reply = try server.handler.held.take()
    let sent = Inbox<Bool>()
    let text = JSONValue.string(String(repeating: "x", count: 900_000))
    for _ in 0..<10 {
      reply.send(["text": text])
      reply.whenSent { sent.put(true) }
      // More than the socket holds: without a reader it is not sent.
      #expect(sent.isEmpty)
      #expect(try client.message()?["text"] == text)
      _ = try sent.take()
    }
    #expect(!reply.isClosed)
  }

  @Test func whoVanishesInsideARequestIsForgotten() throws {
    let server = try TestServer()
    var client: RawClient? = try server.rawClient()
    try client?.send("{\"verb\":\"ec")
    try server.expectService()
    #expect(server.server.clientCount >= 1)
    client = nil
    let other = try server.client()
    _ = try other.request(["verb": "echo"])
    #expect(server.server.clientCount == 1)
  }

  @Test func whoVanishesInsideAReplyIsNoticedAtOnce() throws {
    let server = try TestServer()
    var client: RawClient? = try server.rawClient()
    try client?.send("{\"verb\":\"hold\"}\n{\"verb\":\"echo\"}\n")
    let reply = try server.handler.held.take()
    let closed = Inbox<Bool>()
    reply.onClose { closed.put(true) }
    reply.send(["update": 1])
    #expect(try client?.message() == ["update": 1])
    #expect(!reply.isClosed && closed.isEmpty)
    client = nil
    _ = try closed.take()
    #expect(reply.isClosed)
    reply.send(["update": 2])
    reply.finish()
    reply.onClose { closed.put(true) }
    _ = try closed.take()
    try server.expectService()
  }

  @Test func whoVanishesWhileMuchIsWrittenHarmsNobody() throws {
    let server = try TestServer()
    for _ in 0..<20 {
      let client = try server.rawClient()
      try client.send("{\"verb\":\"count\",\"to\":20000}\n")
      #expect(try client.message()?["number"] == 0)
    }
    try server.expectService()
  }

  @Test func whoHasClosedItsSendingHalfAndVanishesIsForgotten() throws {
    var limits = ControlLimits()
    limits.requestTimeout = .seconds(1)
    let server = try TestServer(limits)
    var client: RawClient? = try server.rawClient()
    try client?.send("{\"verb\":\"hold\"}\n")
    let reply = try server.handler.held.take()
    client?.finishSending()
    let closed = Inbox<Bool>()
    reply.onClose { closed.put(true) }
    try server.expectService()
    #expect(closed.isEmpty)
    client = nil
    _ = try closed.take()
  }

  @Test func oneClientTooManyIsToldSo() throws {
    var limits = ControlLimits()
    limits.connections = 2
    let server = try TestServer(limits)
    // Both are being answered: none of them can go for another one.
    let (first, second) = (try server.rawClient(), try server.rawClient())
    var replies: [ControlReply] = []
    for client in [first, second] {
      try client.send("{\"verb\":\"hold\"}\n")
      replies.append(try server.handler.held.take())
    }
    do {
      _ = try server.client()
      Issue.record("a third client was let in")
    } catch ControlError.refused(let failure) {
      #expect(failure.code == "busy")
    }
    replies[1].finish()
    #expect(try second.message()?.isDone == true)
    try server.expectService()
    replies[0].finish()
    #expect(try first.message()?.isDone == true)
  }

  /// Silent clients lock nobody out: the one that has asked for nothing for the longest time goes.
  @Test func theLongestIdleClientGivesWay() throws {
    var limits = ControlLimits()
    limits.connections = 3
    let server = try TestServer(limits)
    let (asking, silent, talking) = (try server.rawClient(), try server.rawClient(), try server.rawClient())
    try asking.send("{\"verb\":\"hold\"}\n")
    let reply = try server.handler.held.take()
    // Not the last to come, but the last to have asked for something.
    try talking.send("{\"verb\":\"echo\"}\n")
    #expect(try talking.message()?.isDone == true)
    let next = try server.client()
    #expect(try silent.message()?.failure?.code == "busy")
    #expect(try silent.message() == nil)
    try talking.send("{\"verb\":\"echo\"}\n")
    #expect(try talking.message()?.isDone == true)
    _ = try next.request(["verb": "echo"])
    reply.finish()
    #expect(try asking.message()?.isDone == true)
  }
}
