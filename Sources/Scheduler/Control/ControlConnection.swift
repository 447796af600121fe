/// One client of the control socket: bytes in, requests and bytes out, without sockets, threads or clocks.
///
/// Requests are answered one after another: the next line is read as a request when the reply to the one before
/// has finished and all but little of it is written. Until then it waits, and input is taken until one longest
/// line's worth waits. A line that is no request is answered with a failure, and the connection ends with that.
struct ControlConnection: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// A request and the number that its reply goes by.
  struct Request: Sendable {
    let number: Int
    let message: ControlMessage
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
    case answering(Int)
    /// Ends as soon as all is written, or at an instant.
    case ending(Instant)
    case ended
  }

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
    case .waiting, .answering: hasInputEnded ? 0 : lines.room
    case .ending, .ended: 0
    }
  }

  /// Takes bytes from the client, at most `room`; returns a request to be handled now.
  mutating func receive(_ bytes: some Collection<UInt8>, now: Instant) -> Request? {
    lines.append(bytes)
    return nextRequest(now)
  }

  /// The client sends nothing more: what it asked for is still answered.
  mutating func inputEnded(now: Instant) {
    hasInputEnded = true
    _ = nextRequest(now)
  }

  private mutating func nextRequest(_ now: Instant) -> Request? {
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
    do throws(ControlParser.Problem) {
      let message = try ControlParser.parse(line)
      guard message.verb != nil else {
        end(.failure("malformed", "a request needs a \"verb\" that is a string"), now)
        return nil
      }
      lastNumber += 1
      phase = .answering(lastNumber)
      return Request(number: lastNumber, message: message)
    } catch {
      end(.failure("malformed", error.description), now)
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

  /// Adds the last response of a reply; also returns the request to be handled next, where one waits.
  ///
  /// It is taken whatever waits already: a reply that was sent in full must not lack its end.
  mutating func finish(_ line: [UInt8], number: Int, now: Instant) -> (sending: Sending, next: Request?) {
    guard isAnswering(number) else { return (.ignored, nil) }
    output.append(line)
    phase = .waiting(now + limits.requestTimeout)
    return (.queued, nextRequest(now))
  }

  // MARK: - Output

  /// Bytes that wait to be written.
  var backlog: Int { output.count }

  mutating func nextOutput() -> (bytes: [UInt8], offset: Int)? { phase == .ended ? nil : output.next() }

  /// Takes note of bytes written; returns a request to be handled now.
  mutating func wrote(_ count: Int, now: Instant) -> Request? {
    output.wrote(count)
    return nextRequest(now)
  }

  // MARK: - The end

  /// Nothing is to be done for the client any more.
  var isOver: Bool {
    switch phase {
    case .waiting, .answering: false
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
    case .waiting, .answering, .ended: return false
    }
  }

  /// The server goes: a reply that has not finished ends with a failure, which may still be written.
  mutating func shutDown(now: Instant) {
    switch phase {
    case .answering: end(.failure("closing", "the daemon is shutting down"), now)
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
    if let failure { output.append(ControlEncoder.line(failure.done)) }
    phase = .ending(now + limits.requestTimeout)
    lines.removeAll()
  }
}

extension ControlMessage {
  /// The message as the last response to a request.
  var done: ControlMessage {
    var message = self
    message["done"] = true
    return message
  }
}
