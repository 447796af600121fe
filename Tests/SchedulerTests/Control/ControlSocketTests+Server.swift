import Dispatch
import Foundation
import TestSupport
import Testing

@testable import Scheduler

extension ControlSocketTests {
  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }

  @Test func onlyThisUserMayConnect() throws {
    let folder = try TemporaryFolder()
    // Of others' files in this process, this umask takes nothing away.
    let umask = umask(0)
    defer { Foundation.umask(umask) }
    let server = try ControlServer(path: folder.socket, version: "1", handler: ScriptedHandler())
    defer { server.close() }
    #expect(mode(folder.socket) == 0o600 && mode(folder.path + "/private") == 0o700)
  }

  @Test func aFolderOpenToOthersIsClosedToThem() throws {
    let folder = try TemporaryFolder()
    try #require(mkdir(folder.path + "/private", 0o755) == 0 && chmod(folder.path + "/private", 0o755) == 0)
    let server = try ControlServer(path: folder.socket, version: "1", handler: ScriptedHandler())
    defer { server.close() }
    #expect(mode(folder.path + "/private") == 0o700)
  }

  @Test func aPathMayBeLong() throws {
    let folder = try TemporaryFolder()
    let deep = folder.path + "/" + (0..<10).map { "a-rather-long-folder-name-\($0)" }.joined(separator: "/")
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    let path = deep + "/private/socket"
    #expect(path.utf8.count > 200)
    #expect(throws: ControlError.noServer(path: path)) { try ControlClient.connect(path, version: "1") }
    let handler = ScriptedHandler()
    let server = try ControlServer(path: path, version: "1", handler: handler)
    #expect(mode(path) == 0o600)
    #expect(try ControlClient.connect(path, version: "1").request(["verb": "echo"]).count == 1)
    server.close()
    #expect(mode(path) == nil)
    #expect(throws: ControlError.noServer(path: path)) { try ControlClient.connect(path, version: "1") }
  }

  @Test(arguments: [UnixSocket.maximumPath - 1, UnixSocket.maximumPath, UnixSocket.maximumPath + 1])
  func aPathOfJustTheLengthOfAnAddressIsNothingSpecial(_ length: Int) throws {
    let folder = try TemporaryFolder()
    let start = folder.path + "/private/"
    let path = start + String(repeating: "s", count: length - start.utf8.count)
    let server = try ControlServer(path: path, version: "1", handler: ScriptedHandler())
    defer { server.close() }
    #expect(try ControlClient.connect(path, version: "1").request(["verb": "echo"]).count == 1)
  }

  @Test func aNameTooLongForAnyAddressIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/" + String(repeating: "s", count: UnixSocket.maximumName + 1)
    #expect(throws: ControlError.nameTooLong(path: path)) {
      try ControlServer(path: path, version: "1", handler: ScriptedHandler())
    }
    #expect(throws: ControlError.nameTooLong(path: path)) { try ControlClient.connect(path, version: "1") }
  }

  @Test func theSocketOfADeadProcessIsReplaced() throws {
    let folder = try TemporaryFolder()
    let dead = try UnixSocket.listen(at: folder.socket)
    close(dead.descriptor)
    close(dead.folder)
    #expect(mode(folder.socket) == 0o600)
    #expect(throws: ControlError.noServer(path: folder.socket)) {
      try ControlClient.connect(folder.socket, version: "1")
    }
    let server = try ControlServer(path: folder.socket, version: "1", handler: ScriptedHandler())
    defer { server.close() }
    #expect(try ControlClient.connect(folder.socket, version: "1").request(["verb": "echo"]).count == 1)
  }

  @Test func whatIsNoSocketIsNotReplaced() throws {
    let folder = try TemporaryFolder()
    try #require(mkdir(folder.path + "/private", 0o700) == 0)
    try Data("precious".utf8).write(to: URL(fileURLWithPath: folder.socket))
    #expect(throws: ControlError.occupied(path: folder.socket)) {
      try ControlServer(path: folder.socket, version: "1", handler: ScriptedHandler())
    }
    #expect(try String(contentsOfFile: folder.socket, encoding: .utf8) == "precious")
  }

  @Test func aServerNeedsTheFolderAboveItsOwn() throws {
    let folder = try TemporaryFolder()
    #expect(throws: ControlError.self) {
      try ControlServer(path: folder.path + "/a/b/socket", version: "1", handler: ScriptedHandler())
    }
  }

  @Test func closingEndsRepliesConnectionsAndTheSocket() throws {
    let server = try TestServer()
    let idle = try server.rawClient()
    let streaming = try server.rawClient()
    try streaming.send("{\"verb\":\"hold\"}\n")
    let reply = try server.handler.held.take()
    let closed = Inbox<Bool>()
    reply.onClose { closed.put(true) }
    reply.send(["update": 1])
    server.server.close()
    #expect(reply.isClosed)
    _ = try closed.take()
    reply.finish(["late": true])
    #expect(try streaming.message() == ["update": 1])
    let last = try #require(try streaming.message())
    #expect(last.failure?.code == "closing" && last.isDone)
    #expect(try streaming.message() == nil)
    #expect(try idle.message() == nil)
    #expect(mode(server.folder.socket) == nil && mode(server.folder.path + "/private") == 0o700)
    #expect(throws: ControlError.noServer(path: server.folder.socket)) { try server.client() }
    server.server.close()
  }

  @Test func closingDoesNotWaitForAClientThatDoesNotRead() throws {
    let server = try TestServer()
    let client = try server.rawClient()
    try client.send("{\"verb\":\"hold\"}\n")
    let reply = try server.handler.held.take()
    for _ in 0..<10 { reply.send(["text": .string(String(repeating: "x", count: 1_000_000))]) }
    server.server.close()
    #expect(reply.isClosed)
  }

  @Test func noDescriptorIsInheritedOrBlocks() throws {
    let folder = try TemporaryFolder()
    let listener = try UnixSocket.listen(at: folder.socket)
    let client = try UnixSocket.connect(to: folder.socket, timeout: .seconds(patience))
    let accepted = try #require(UnixSocket.accept(listener.descriptor))
    #expect(UnixSocket.accept(listener.descriptor) == nil && errno == EAGAIN)
    for descriptor in [listener.descriptor, client, accepted] {
      #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
    }
    for descriptor in [listener.descriptor, listener.folder, client, accepted] {
      #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
      close(descriptor)
    }
    let cancellation = ControlCancellation()
    #expect(fcntl(cancellation.descriptor, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func aHandlerMayCloseTheServerThatCalledIt() throws {
    let folder = try TemporaryFolder()
    let handler = ClosingHandler()
    let server = try ControlServer(path: folder.socket, version: "1", handler: handler)
    handler.servers.put(server)
    let responses = try ControlClient.connect(folder.socket, version: "1").request(["verb": "shutdown"])
    #expect(responses == [["closed": true, "done": true]])
    _ = try handler.closed.take()
    #expect(mode(folder.socket) == nil)
  }

  @Test func aClosedPathCanBeServedAgain() throws {
    let folder = try TemporaryFolder()
    for _ in 0..<20 {
      let server = try ControlServer(path: folder.socket, version: "1", handler: ScriptedHandler())
      #expect(try ControlClient.connect(folder.socket, version: "1").request(["verb": "echo"]).count == 1)
      server.close()
    }
  }
}

private final class ClosingHandler: ControlHandler {
  let servers = Inbox<ControlServer>()
  let closed = Inbox<Bool>()

  func handle(_ request: ControlMessage, reply: ControlReply) {
    reply.finish(["closed": true])
    (try? servers.take())?.close()
    closed.put(true)
  }
}
