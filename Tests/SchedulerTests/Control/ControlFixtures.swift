import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Scheduler

/// How long an event may take before a test gives up on it.
let patience = 60

/// Things put by one thread and waited for by another.
final class Inbox<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])
  private let count = DispatchSemaphore(value: 0)

  func put(_ element: Element) {
    elements.withLock { $0.append(element) }
    count.signal()
  }

  /// The next element; an issue where none comes.
  func take(sourceLocation: SourceLocation = #_sourceLocation) throws -> Element {
    let arrived = count.wait(timeout: .now() + .seconds(patience)) == .success
    try #require(arrived, "nothing came", sourceLocation: sourceLocation)
    return elements.withLock { $0.removeFirst() }
  }

  var isEmpty: Bool { elements.withLock { $0.isEmpty } }
}

/// A handler that answers by the verb and hands over the replies that a test wants to hold.
final class ScriptedHandler: ControlHandler {
  let held = Inbox<ControlReply>()

  func handle(_ request: ControlMessage, reply: ControlReply) {
    switch request.verb {
    case "echo": reply.finish(["echo": request["value"] ?? .null])
    case "hold": held.put(reply)
    case "drop": break
    case "count":
      for number in 0..<(request["to"]?.integer ?? 0) { reply.send(["number": .integer(number)]) }
      reply.finish()
    default: reply.fail("unknown-verb", "no such verb")
    }
  }
}

extension TemporaryFolder {
  var socket: String { path + "/private/socket" }
}

/// A server on a socket of its own, closed with the object.
final class TestServer {
  let folder: TemporaryFolder
  let handler = ScriptedHandler()
  let server: ControlServer
  /// Ends its clients' waiting where it goes on for too long.
  private let watchdog = ControlCancellation()

  init(_ limits: ControlLimits = ControlLimits()) throws {
    folder = try TemporaryFolder()
    server = try ControlServer(path: folder.socket, version: "1.2.3", limits: limits, handler: handler)
    // A queue of its own gets a thread also where all of the shared ones wait for something.
    DispatchQueue(label: "watchdog").asyncAfter(deadline: .now() + .seconds(patience)) { [weak watchdog] in
      watchdog?.cancel()
    }
  }

  deinit { server.close() }

  func client() throws -> ControlClient {
    try ControlClient.connect(folder.socket, version: "1.2.3", cancellation: watchdog)
  }

  /// A client that has read its greeting.
  func rawClient() throws -> RawClient {
    let client = try RawClient(folder.socket)
    _ = try #require(try client.message())
    return client
  }

  /// That someone else is served as ever.
  func expectService(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let responses = try client().request(["verb": "echo", "value": "served"])
    #expect(responses == [["echo": "served", "done": true]], sourceLocation: sourceLocation)
  }
}

/// A client that sends whatever bytes it is given.
final class RawClient {
  let descriptor: Int32
  private var lines = LineBuffer(limit: 1 << 24)

  init(_ path: String) throws {
    descriptor = try UnixSocket.connect(to: path, timeout: .seconds(patience))
  }

  init(accepting listener: Int32) throws {
    try Self.wait(listener, POLLIN)
    descriptor = accept(listener, nil, nil)
    try #require(descriptor >= 0)
  }

  deinit { close(descriptor) }

  /// Sends all of the bytes; false where the other side has gone.
  @discardableResult
  func send(_ bytes: [UInt8]) throws -> Bool {
    var offset = 0
    while offset < bytes.count {
      switch UnixSocket.send(descriptor, bytes, from: offset) {
      case .bytes(let count): offset += count
      case .full: try Self.wait(descriptor, POLLOUT)
      case .failed: return false
      }
    }
    return true
  }

  @discardableResult
  func send(_ text: String) throws -> Bool { try send(Array(text.utf8)) }

  /// The next line; nil at the end.
  func message() throws -> ControlMessage? {
    while true {
      if let line = lines.next() { return try ControlLine.parse(line) }
      switch UnixSocket.receive(descriptor, limit: 1 << 16) {
      case .bytes(let bytes): lines.append(bytes)
      case .nothing: try Self.wait(descriptor, POLLIN)
      case .end, .failed: return nil
      }
    }
  }

  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  private static func wait(_ descriptor: Int32, _ events: Int32) throws {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    try #require(poll(&entry, 1, Int32(patience) * 1000) == 1, "the socket never became ready")
  }
}
