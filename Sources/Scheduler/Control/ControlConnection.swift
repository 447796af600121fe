/// One client of the control socket: bytes in, requests and bytes out, without sockets, threads or clocks.
///
/// Requests are answered one after another: the next line is read as a request when the reply to the one before
/// has finished and all but little of it is written. Until then it waits, and input is taken until one longest
/// line's worth waits. A line that is no request is answered with a failure, and the connection ends with that.
///
/// A long line is handed out to be read by whoever has the time, and comes back by `hasRead`.
struct ControlConnection: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// A request and the number that its reply goes by.
  struct Request: Sendable {
    let number: Int
    let message: ControlMessage
  }

  /// What is to be done about the line that came.
  enum Work: Sendable {
    case handle(Request)
    /// To be read with `read`.
    case read([UInt8])
  }

  /// What a line turned out to be.
  enum Reading: Sendable {
    case request(ControlMessage)
    /// None, and what the client is told.
    case refusal(ControlMessage)
  }

  enum Sending: Hashable, Sendable {
    case queued
    /// The reply is over: the bytes went nowhere.
    case ignored
    /// The client does not read: more waits for it than is allowed. The connection has ended.
    case overflowed
  }

  private enum Phase: Hashable {
    /// For a whole line, until an instant.
    case waiting(Instant)
    /// For what a long line turns out to be.
    case reading
    case answering(Int)
    /// Ends as soon as all is written, or at an instant.
    case ending(Instant)
    case ended
  }

  /// Bytes of a line that is read at once: some tens of microseconds.
  static let shortLine = 1 << 14

  private let limits: ControlLimits
  private var phase: Phase
  private var lines: LineBuffer
  private var output = OutgoingBytes()
  private var lastNumber = 0
  /// The client will send nothing more, but may still read.
  private(set) var hasInputEnded = false

  init(greeting: [UInt8], limits: ControlLimits, now: Instant) {
    self.limits = limits
    lines = LineBuffer(limit: limits.requestBytes)
    phase = .waiting(now + limits.requestTimeout)
    output.append(greeting)
  }

  // MARK: - Input

  /// How many bytes may be received now.
  var room: Int {
    switch phase {
    case .waiting, .reading, .answering: hasInputEnded ? 0 : lines.room
    case .ending, .ended: 0
    }
  }

  /// Takes bytes from the client, at most `room`; returns what is to be done now.
  mutating func receive(_ bytes: some Collection<UInt8>, now: Instant) -> Work? {
    lines.append(bytes)
    return nextLine(now)
  }

  /// The client sends nothing more: what it asked for is still answered.
  mutating func inputEnded(now: Instant) {
    hasInputEnded = true
    _ = nextLine(now)
  }

  private mutating func nextLine(_ now: Instant) -> Work? {
    // Replies that nobody reads hold back the requests behind them: what waits for a client is bounded.
    guard case .waiting = phase, output.count <= limits.responseBytes else { return nil }
    guard let line = lines.next() else {
      if lines.isOverlong {
        end(.failure("too-long", "a request is longer than \(limits.requestBytes) bytes"), now)
      } else if hasInputEnded, lines.count > 0 {
        end(.failure("malformed", "the last line has no end"), now)
      } else if hasInputEnded {
        end(nil, now)
      }
      return nil
    }
    phase = .reading
    if line.count > Self.shortLine { return .read(line) }
    return hasRead(Self.read(line), now: now).map(Work.handle)
  }

  /// What a line is. Takes time in proportion to its length, up to some tenths of a second.
  static func read(_ line: [UInt8]) -> Reading {
    do throws(ControlLine.Problem) {
      let message = try ControlLine.parse(line)
      if message.verb != nil { return .request(message) }
      return .refusal(.failure("malformed", "a request needs a \"verb\" that is a string"))
    } catch {
      return .refusal(.failure("malformed", error.description))
    }
  }

  /// Takes note of what the line that was handed out is; returns a request to be handled now.
  mutating func hasRead(_ reading: Reading, now: Instant) -> Request? {
    // The connection may have ended meanwhile.
    guard phase == .reading else { return nil }
    switch reading {
    case .request(let message):
      lastNumber += 1
      phase = .answering(lastNumber)
      return Request(number: lastNumber, message: message)
    case .refusal(let failure):
      end(failure, now)
      return nil
    }
  }

  // MARK: - Replies

  func isAnswering(_ number: Int) -> Bool { phase == .answering(number) }

  /// Adds a response that is not the last one of its reply.
  mutating func send(_ line: [UInt8], to number: Int, replacing key: String?) -> Sending {
    guard isAnswering(number) else { return .ignored }
    guard output.count + line.count <= limits.outgoingBytes else {
      phase = .ended
      return .overflowed
    }
    if let key { output.append(line, replacing: key) } else { output.append(line) }
    return .queued
  }

  /// Adds the last response of a reply; also returns what is to be done next, where a request waits.
  ///
  /// It is taken whatever waits already: a reply that was sent in full must not lack its end.
  mutating func finish(_ line: [UInt8], number: Int, now: Instant) -> (sending: Sending, next: Work?) {
    guard isAnswering(number) else { return (.ignored, nil) }
    output.append(line)
    phase = .waiting(now + limits.requestTimeout)
    return (.queued, nextLine(now))
  }

  // MARK: - Output

  /// Bytes that wait to be written.
  var backlog: Int { output.count }

  mutating func nextOutput() -> (bytes: [UInt8], offset: Int)? { phase == .ended ? nil : output.next() }

  /// Takes note of bytes written; returns what is to be done now.
  mutating func wrote(_ count: Int, now: Instant) -> Work? {
    output.wrote(count)
    return nextLine(now)
  }

  // MARK: - The end

  /// Nothing is to be done for the client any more.
  var isOver: Bool {
    switch phase {
    case .waiting, .reading, .answering: false
    case .ending: output.count == 0
    case .ended: true
    }
  }

  /// Ends a connection whose client has taken too long; returns whether it was so. A failure may still be
  /// written.
  mutating func expire(now: Instant) -> Bool {
    switch phase {
    case .waiting(let deadline) where deadline <= now:
      end(.failure("timeout", "no whole request came within \(limits.requestTimeout)"), now)
      return true
    case .ending(let deadline): return deadline <= now
    case .waiting, .reading, .answering, .ended: return false
    }
  }

  /// Since when the client has asked for nothing; nil while there is something to be done for it.
  var idleSince: Instant? {
    guard case .waiting(let deadline) = phase, output.count == 0 else { return nil }
    return deadline - limits.requestTimeout
  }

  /// Ends an idle connection for another client's sake, with a failure that may still be written.
  mutating func giveWay(now: Instant) {
    end(.failure("busy", "another client needs the place, since no request came: try again"), now)
  }

  /// The server goes: a request that has not been answered in full ends with a failure, which may still be written.
  mutating func shutDown(now: Instant) {
    switch phase {
    case .reading, .answering: end(.failure("closing", "the daemon is shutting down"), now)
    case .waiting: end(nil, now)
    case .ending, .ended: break
    }
  }

  /// The connection is gone.
  mutating func disconnect() {
    phase = .ended
    lines.removeAll()
    output = OutgoingBytes()
  }

  private mutating func end(_ failure: ControlMessage?, _ now: Instant) {
    if let failure { output.append(ControlLine.bytes(failure.done)) }
    phase = .ending(now + limits.requestTimeout)
    lines.removeAll()
  }
}
