import Dispatch
import Foundation
import TestSupport
import Testing

@testable import Scheduler

extension ControlSocketTests {
  @Test func nobodyThereIsNoServer() throws {
    let folder = try TemporaryFolder()
    for path in [folder.socket, folder.path + "/socket", "\(folder.path)/a/b/c/socket"] {
      #expect(throws: ControlError.noServer(path: path)) { try ControlClient.connect(path, version: "1") }
    }
    try Data().write(to: URL(fileURLWithPath: folder.path + "/file"))
    #expect(throws: ControlError.noServer(path: folder.path + "/file")) {
      try ControlClient.connect(folder.path + "/file", version: "1")
    }
  }

  /// What a client makes of a server that sends these bytes and, where told so, closes.
  private func connect(greeting: String, closes: Bool, timeout: Duration) throws -> Result<Bool, ControlError>
  {
    let folder = try TemporaryFolder()
    let listener = try UnixSocket.listen(at: folder.socket)
    defer {
      close(listener.descriptor)
      close(listener.folder)
    }
    let outcome = Inbox<Result<Bool, ControlError>>()
    let path = folder.socket
    DispatchQueue(label: "client").async {
      do throws(ControlError) {
        _ = try ControlClient.connect(path, version: "1.0", timeout: timeout)
        outcome.put(.success(true))
      } catch {
        outcome.put(.failure(error.placed("socket")))
      }
    }
    var server: RawClient? = try RawClient(accepting: listener.descriptor)
    try server?.send(greeting)
    if closes { server = nil }
    defer { withExtendedLifetime(server) {} }
    return try outcome.take()
  }

  @Test func aServerOfAnotherVersionIsRefused() throws {
    let outcome = try connect(
      greeting: "{\"bitlab\":99,\"version\":\"7.0\",\"pid\":1}\n", closes: false, timeout: .seconds(patience))
    let versions = (
      server: ControlVersion(protocolVersion: 99, program: "7.0"), client: ControlVersion(program: "1.0")
    )
    let error = ControlError.versionMismatch(server: versions.server, client: versions.client)
    #expect(outcome == .failure(error))
    #expect(error.description.contains("BitLab 7.0 (protocol 99)"))
    #expect(error.description.contains("BitLab 1.0 (protocol 1)"))
  }

  @Test(arguments: ["HTTP/1.1 400 Bad Request\n", "{}\n", "{\"bitlab\":\"1\"}\n", "[1]\n"])
  func whatGreetsOtherwiseIsNoServer(_ greeting: String) throws {
    let outcome = try connect(greeting: greeting, closes: false, timeout: .seconds(patience))
    guard case .failure(.malformed) = outcome else {
      Issue.record("\(outcome)")
      return
    }
  }

  @Test func aGreetingThatNeverEndsIsCutOff() throws {
    let greeting = String(repeating: "x", count: (1 << 20) + 1)
    let outcome = try connect(greeting: greeting, closes: false, timeout: .seconds(patience))
    guard case .failure(.malformed) = outcome else {
      Issue.record("\(outcome)")
      return
    }
  }

  @Test func aServerThatSaysNothingRunsOutOfTime() throws {
    #expect(
      try connect(greeting: "{\"bitlab\":", closes: false, timeout: .milliseconds(50))
        == .failure(.timeout(path: "socket")))
  }

  @Test func aServerThatClosesIsGone() throws {
    #expect(
      try connect(greeting: "{\"bitlab\":", closes: true, timeout: .seconds(patience))
        == .failure(.disconnected(path: "socket")))
  }

  @Test func aStreamThatIsCancelledEndsOnBothSides() throws {
    let server = try TestServer()
    let cancellation = ControlCancellation()
    let updates = Inbox<ControlMessage>()
    let outcome = Inbox<ControlError?>()
    let path = server.folder.socket
    DispatchQueue(label: "client").async {
      do throws(ControlError) {
        let client = try ControlClient.connect(path, version: "1", cancellation: cancellation)
        defer { withExtendedLifetime(client) {} }
        try client.stream(["verb": "hold"]) {
          updates.put($0)
          return true
        }
        outcome.put(nil)
      } catch {
        outcome.put(error)
      }
    }
    let reply = try server.handler.held.take()
    let closed = Inbox<Bool>()
    reply.onClose { closed.put(true) }
    reply.send(["update": 1])
    #expect(try updates.take() == ["update": 1])
    #expect(!reply.isClosed)
    cancellation.cancel()
    #expect(try outcome.take() == .cancelled)
    _ = try closed.take()
    #expect(reply.isClosed)
    try server.expectService()
  }

  @Test func aStreamWithoutAPauseIsCancelledToo() throws {
    let server = try TestServer()
    let cancellation = ControlCancellation()
    let client = try ControlClient.connect(server.folder.socket, version: "1", cancellation: cancellation)
    var count = 0
    #expect(throws: ControlError.cancelled) {
      try client.stream(["verb": "count", "to": 200_000]) { _ in
        count += 1
        if count == 10 { cancellation.cancel() }
        return true
      }
    }
    #expect(count < 200_000)
  }

  @Test func aStreamMayBeLeft() throws {
    let server = try TestServer()
    let client = try server.client()
    var responses: [ControlMessage] = []
    try client.stream(["verb": "count", "to": 1000]) {
      responses.append($0)
      return responses.count < 3
    }
    #expect(responses == [["number": 0], ["number": 1], ["number": 2]])
    #expect(throws: ControlError.disconnected(path: server.folder.socket)) {
      try client.request(["verb": "echo"])
    }
  }

  @Test func aServerThatGoesInsideAStreamIsToldApartFromTheEnd() throws {
    let server = try TestServer()
    let outcome = Inbox<ControlMessage?>()
    let path = server.folder.socket
    DispatchQueue(label: "client").async {
      outcome.put(try? ControlClient.connect(path, version: "1").request(["verb": "hold"]).last)
    }
    let reply = try server.handler.held.take()
    server.server.close()
    #expect(try outcome.take()?.failure?.code == "closing")
    #expect(reply.isClosed)
  }
}

extension ControlError {
  /// The error with another path, where it has one that a test does not know.
  fileprivate func placed(_ path: String) -> ControlError {
    switch self {
    case .timeout: .timeout(path: path)
    case .disconnected: .disconnected(path: path)
    case .malformed(_, let problem): .malformed(path: path, problem: problem)
    default: self
    }
  }
}
