import Foundation

/// A connection to a `ControlServer`, blocking: for a program that has nothing else to do.
///
///     let client = try ControlClient.connect("results/.bitlab/socket", version: "1.0")
///     for run in try client.request(["verb": "status"]) { ... }
///
/// Responses are returned as they came: whether the server answered with a failure says `ControlMessage.failure` of
/// the last one. After an error, a cancellation, or a stream that was left, the connection is closed and every further
/// request throws `disconnected`. For one thread at a time; `ControlCancellation` is for the others.
package final class ControlClient {
  package let path: String
  /// Who answered.
  package private(set) var server: ControlVersion
  /// The server's process id.
  package private(set) var serverPID: Int?

  private let cancellation: ControlCancellation
  private let requestLimit: Int
  private var descriptor: Int32?
  private var lines: LineBuffer

  /// Connects and reads the greeting.
  ///
  /// Throws `noServer` where no socket is or nobody listens, `timeout` where no greeting comes in time,
  /// `versionMismatch`, and `refused` where the server has too many clients.
  /// - Parameters:
  ///   - version: this program's version, for messages.
  ///   - timeout: for the connection, and again for the greeting.
  package static func connect(
    _ path: String, version: String, timeout: Duration = .seconds(10),
    cancellation: ControlCancellation = ControlCancellation(), limits: ControlLimits = ControlLimits()
  ) throws(ControlError) -> ControlClient {
    let descriptor = try UnixSocket.connect(to: path, timeout: timeout)
    let client = ControlClient(path, descriptor, cancellation, limits)
    let greeting = try client.receive(until: .now + timeout)
    guard let number = greeting["bitlab"]?.integer else {
      throw .malformed(path: path, problem: "its first line is no greeting")
    }
    client.server = ControlVersion(protocolVersion: number, program: greeting["version"]?.string ?? "unknown")
    client.serverPID = greeting["pid"]?.integer
    let own = ControlVersion(program: version)
    if number != own.protocolVersion { throw .versionMismatch(server: client.server, client: own) }
    if let failure = greeting.failure { throw .refused(failure) }
    return client
  }

  private init(
    _ path: String, _ descriptor: Int32, _ cancellation: ControlCancellation, _ limits: ControlLimits
  ) {
    self.path = path
    self.descriptor = descriptor
    self.cancellation = cancellation
    requestLimit = limits.requestBytes
    server = ControlVersion(protocolVersion: 0, program: "")
    lines = LineBuffer(limit: limits.responseBytes)
  }

  deinit { disconnect() }

  /// Sends a request and returns all responses to it, the last one included.
  package func request(_ message: ControlMessage) throws(ControlError) -> [ControlMessage] {
    var responses: [ControlMessage] = []
    try stream(message) {
      responses.append($0)
      return true
    }
    return responses
  }

  /// Sends a request and calls `body` with each response as it comes, the last one included, until that one or until
  /// `body` returns false, which closes the connection.
  package func stream(_ message: ControlMessage, each body: (ControlMessage) -> Bool) throws(ControlError) {
    try send(message)
    while true {
      let response = try receive(until: nil)
      if !body(response) { return disconnect() }
      if response.isDone { return }
    }
  }

  /// Sends a request and returns the responses as the lines they came in, unread, and the last one apart: for whoever
  /// passes thousands of them on.
  package func lines(answering message: ControlMessage) throws(ControlError) -> (
    lines: [[UInt8]], last: ControlMessage
  ) {
    try send(message)
    var lines: [[UInt8]] = []
    while true {
      let line = try receiveLine(until: nil)
      if Self.mayBeDone(line) {
        let response = try parse(line)
        if response.isDone { return (lines, response) }
      }
      lines.append(line)
    }
  }

  /// Whether the line ends as a server ends the last response.
  private static func mayBeDone(_ line: [UInt8]) -> Bool {
    let ending = "\"done\":true}".utf8
    return line.suffix(ending.count).elementsEqual(ending)
  }

  /// Closes the connection; the server takes note of it.
  package func disconnect() {
    if let descriptor { close(descriptor) }
    descriptor = nil
  }

  // MARK: - Lines

  private func send(_ message: ControlMessage) throws(ControlError) {
    let line = ControlLine.bytes(message)
    if line.count > requestLimit + 1 { throw .requestTooLong(bytes: line.count - 1, limit: requestLimit) }
    var offset = 0
    while offset < line.count {
      guard let descriptor else { throw .disconnected(path: path) }
      switch UnixSocket.send(descriptor, line, from: offset) {
      case .bytes(let count): offset += count
      case .full: try wait(for: POLLOUT, on: descriptor, until: nil)
      // What the server said before it closed the connection is still there to be read.
      case .failed: return
      }
    }
  }

  private func receive(until deadline: ContinuousClock.Instant?) throws(ControlError) -> ControlMessage {
    try parse(try receiveLine(until: deadline))
  }

  private func parse(_ line: [UInt8]) throws(ControlError) -> ControlMessage {
    do throws(ControlLine.Problem) {
      return try ControlLine.parse(line)
    } catch {
      throw malformed(error.description)
    }
  }

  private func receiveLine(until deadline: ContinuousClock.Instant?) throws(ControlError) -> [UInt8] {
    while true {
      if let line = lines.next() { return line }
      if lines.isOverlong { throw malformed("a line is longer than \(lines.limit) bytes") }
      guard let descriptor else { throw .disconnected(path: path) }
      // Also where more is there already: a stream without a pause must not outrun its cancellation.
      try wait(for: POLLIN, on: descriptor, until: deadline)
      switch UnixSocket.receive(descriptor, limit: min(lines.room, 1 << 16)) {
      case .bytes(let bytes): lines.append(bytes)
      case .nothing: break
      case .end, .failed:
        disconnect()
        throw .disconnected(path: path)
      }
    }
  }

  private func malformed(_ problem: String) -> ControlError {
    disconnect()
    return .malformed(path: path, problem: problem)
  }

  /// Blocks until the socket is ready, the deadline or the cancellation.
  private func wait(
    for events: Int32, on descriptor: Int32, until deadline: ContinuousClock.Instant?
  ) throws(ControlError) {
    var entries = [
      pollfd(fd: descriptor, events: Int16(events), revents: 0),
      pollfd(fd: cancellation.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      var milliseconds: Int32 = -1
      if let deadline {
        let rest = ContinuousClock.now.duration(to: deadline)
        if rest <= .zero {
          disconnect()
          throw .timeout(path: path)
        }
        milliseconds = Int32(clamping: Int((rest / .milliseconds(1)).rounded(.up)))
      }
      let count = poll(&entries, 2, milliseconds)
      if count < 0, errno != EINTR {
        let code = errno
        disconnect()
        throw .system(operation: "wait for an answer on", path: path, code: code)
      }
      if count > 0 {
        if entries[1].revents != 0 {
          disconnect()
          throw .cancelled
        }
        return
      }
    }
  }
}

/// Ends, from any thread, what a `ControlClient` waits for; for good.
package final class ControlCancellation: Sendable {
  /// Becomes readable with the cancellation.
  let descriptor: Int32
  private let sender: Int32

  package init() {
    var ends: [Int32] = [-1, -1]
    let result = pipe(&ends)
    precondition(result == 0, "ControlCancellation: no pipe, errno \(errno)")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (descriptor, sender) = (ends[0], ends[1])
    UnixSocket.setNonBlocking(sender)
  }

  deinit {
    close(descriptor)
    close(sender)
  }

  /// Only writes a byte to a pipe.
  package func cancel() {
    var byte: UInt8 = 1
    // A pipe that is full has been cancelled before.
    _ = write(sender, &byte, 1)
  }
}
