import Testing

@testable import Scheduler

struct ControlConnectionTests {
  private let start = ContinuousClock.now
  private let greeting = Array("hello\n".utf8)

  /// One whose greeting has been written.
  private func connection(_ limits: ControlLimits = ControlLimits()) -> Client {
    let client = Client(ControlConnection(greeting: greeting, limits: limits, now: start), now: start)
    #expect(client.output() == "hello\n")
    return client
  }

  @Test func theGreetingComesFirst() {
    let client = Client(
      ControlConnection(greeting: greeting, limits: ControlLimits(), now: start), now: start)
    #expect(client.state.backlog == 6)
    #expect(client.output() == "hello\n")
    #expect(client.state.backlog == 0 && !client.state.isOver)
  }

  @Test func whereverALineIsCutItIsTheSameRequest() {
    let line = Array("{\"verb\":\"é\"}\n".utf8)
    for cut in 1..<line.count {
      let connection = self.connection()
      #expect(connection.receive(line[..<cut], now: start) == nil)
      #expect(connection.receive(line[cut...], now: start)?.message == ["verb": "é"])
    }
  }

  @Test func requestsWaitForTheReplyBeforeThem() throws {
    let connection = self.connection()
    let first = try #require(connection.receive("{\"verb\":\"a\"}\n{\"verb\":\"b\"}\n{\"ver"))
    #expect(first.message.verb == "a" && connection.state.isAnswering(first.number))
    #expect(connection.send([1]) == .queued)
    let second = try #require(connection.finish([2], number: first.number, now: start).next)
    #expect(second.message.verb == "b" && !connection.state.isAnswering(first.number))
    #expect(connection.send([9]) == .ignored)
    #expect(connection.finish([9], number: first.number, now: start).sending == .ignored)
    #expect(connection.finish([3], number: second.number, now: start).next == nil)
    #expect(connection.receive("b\":\"c\"}\n")?.message.verb == "c")
    #expect(connection.output() == "\u{1}\u{2}\u{3}")
  }

  @Test func whoHasAskedForNothingIsIdle() throws {
    let client = Client(
      ControlConnection(greeting: greeting, limits: ControlLimits(), now: start), now: start)
    #expect(client.state.idleSince == nil)
    #expect(client.output() == "hello\n")
    #expect(client.state.idleSince == start)
    let request = try #require(client.receive("{\"verb\":\"a\"}\n"))
    #expect(client.state.idleSince == nil)
    _ = client.finish([1], number: request.number, now: start + .seconds(3))
    #expect(client.state.idleSince == nil)
    #expect(client.output() == "\u{1}")
    #expect(client.state.idleSince == start + .seconds(3))
  }

  @Test func whatWaitsToBeReadIsBounded() {
    var limits = ControlLimits()
    limits.requestBytes = 20
    let connection = self.connection(limits)
    #expect(connection.state.room == 21)
    #expect(connection.receive("{\"verb\":\"a\"}\n") != nil)
    #expect(connection.state.room == 21)
    #expect(connection.receive(String(repeating: "x", count: 21)) == nil)
    #expect(connection.state.room == 0)
  }

  @Test func aLineOfTheLimitIsTakenAndOneByteMoreIsNot() throws {
    var limits = ControlLimits()
    limits.requestBytes = 20
    let fitting = "{\"verb\":\"a\"" + String(repeating: " ", count: 8) + "}"
    let connection = self.connection(limits)
    #expect(fitting.utf8.count == 20)
    #expect(connection.receive(fitting + "\n")?.message.verb == "a")

    let other = self.connection(limits)
    #expect(other.receive(fitting + " ") == nil)
    #expect(other.state.room == 0 && !other.state.isOver)
    #expect(other.output().contains("\"code\":\"too-long\",\"done\":true"))
    #expect(other.state.isOver)
  }

  private let long = "{\"verb\":\"" + String(repeating: "x", count: ControlConnection.shortLine) + "\"}\n"

  @Test func aLongLineIsReadElsewhereAndHoldsBackTheNext() throws {
    let connection = self.connection()
    #expect(connection.receive(long + "{\"verb\":\"b\"}\n") == nil)
    #expect(connection.unread.map(\.count) == [long.utf8.count - 1] && connection.state.backlog == 0)
    // It may take any time.
    #expect(!connection.expire(now: start + .seconds(1_000_000)))
    let first = try #require(connection.read())
    #expect(first.message.verb?.utf8.count == ControlConnection.shortLine)
    #expect(connection.finish([1], number: first.number, now: start).next?.message.verb == "b")
    #expect(connection.unread.isEmpty)
  }

  @Test func aLongLineThatIsNoRequestIsRefused() {
    for line in [long.replacing("verb", with: "verd"), long.replacing("{", with: "[")] {
      let connection = self.connection()
      #expect(connection.receive(line) == nil && connection.read() == nil)
      #expect(connection.output().contains("\"code\":\"malformed\",\"done\":true") && connection.state.isOver)
    }
  }

  @Test func whatIsReadTooLateIsForgotten() {
    let gone = self.connection()
    #expect(gone.receive(long) == nil)
    gone.disconnect()
    #expect(gone.read() == nil && gone.state.isOver)
    let closed = self.connection()
    #expect(closed.receive(long) == nil)
    closed.shutDown(now: start)
    #expect(closed.read() == nil)
    #expect(closed.output().hasSuffix("\"code\":\"closing\",\"done\":true}\n") && closed.state.isOver)
    let finished = self.connection()
    #expect(finished.receive(long) == nil)
    // It was sent in full.
    finished.inputEnded(now: start)
    #expect(finished.read() != nil)
  }

  @Test func repliesThatNobodyReadsHoldBackTheNextRequest() throws {
    var limits = ControlLimits()
    limits.responseBytes = 10
    limits.outgoingBytes = 100
    let connection = self.connection(limits)
    let first = try #require(connection.receive("{\"verb\":\"a\"}\n{\"verb\":\"b\"}\n"))
    #expect(connection.send([UInt8](repeating: 1, count: 100)) == .queued)
    #expect(connection.finish([1, 1, 1], number: first.number, now: start).next == nil)
    while let (bytes, offset) = connection.nextOutput() {
      let count = min(31, bytes.count - offset)
      let request = connection.wrote(count, now: start)
      #expect((request != nil) == (connection.state.backlog == 10))
      if request != nil { break }
    }
    #expect(connection.state.isAnswering(2))
  }

  @Test func aClientThatReadsNothingIsDisconnectedAtTheLimit() throws {
    var limits = ControlLimits()
    limits.outgoingBytes = 10
    let connection = self.connection(limits)
    _ = try #require(connection.receive("{\"verb\":\"a\"}\n"))
    #expect(connection.send([UInt8](repeating: 1, count: 10)) == .queued)
    #expect(!connection.state.isOver)
    #expect(connection.send([1]) == .overflowed)
    #expect(connection.state.isOver && connection.nextOutput() == nil && connection.state.room == 0)
    #expect(connection.send([1]) == .ignored)
  }

  @Test func aNewerUpdateReplacesOneThatWaits() throws {
    let connection = self.connection()
    let request = try #require(connection.receive("{\"verb\":\"a\"}\n"))
    func send(_ text: String, _ key: String? = nil) {
      #expect(connection.send(Array(text.utf8), replacing: key) == .queued)
    }
    send("1", "a")
    send("2", "a")
    send("3", "b")
    send("45", "a")
    #expect(connection.state.backlog == 4)
    send("6")
    send("7", "a")
    send("8", "a")
    _ = connection.finish(Array(".".utf8), number: request.number, now: start)
    #expect(connection.output() == "145368.")
  }

  @Test func onlyWhoOwesARequestRunsOutOfTime() throws {
    var limits = ControlLimits()
    limits.requestTimeout = .seconds(10)
    let connection = self.connection(limits)
    _ = connection.receive(Array("{".utf8), now: start + .seconds(9))
    #expect(!connection.expire(now: start + .seconds(9)))
    let silent = Client(connection.state, now: start)
    #expect(silent.expire(now: start + .seconds(10)))
    #expect(silent.output().contains("\"code\":\"timeout\",\"done\":true") && silent.state.isOver)

    let request = try #require(connection.receive(Array("\"verb\":\"a\"}\n".utf8), now: start + .seconds(9)))
    #expect(!connection.expire(now: start + .seconds(1000)))
    _ = connection.finish([1], number: request.number, now: start + .seconds(1000))
    #expect(!connection.expire(now: start + .seconds(1009)))
    #expect(connection.expire(now: start + .seconds(1010)))
  }

  @Test func whoHasFinishedSendingGetsItsAnswersAndThenTheEnd() throws {
    let connection = self.connection()
    let first = try #require(connection.receive("{\"verb\":\"a\"}\n{\"verb\":\"b\"}\n"))
    connection.inputEnded(now: start)
    #expect(!connection.state.isOver && connection.state.room == 0)
    let second = try #require(connection.finish([1], number: first.number, now: start).next)
    #expect(connection.finish([2], number: second.number, now: start).next == nil)
    #expect(!connection.state.isOver)
    #expect(connection.output() == "\u{1}\u{2}")
    #expect(connection.state.isOver)
  }

  @Test func aLastLineWithoutAnEndIsAnError() {
    let connection = self.connection()
    #expect(connection.receive("{\"verb\":\"a\"}") == nil)
    connection.inputEnded(now: start)
    #expect(connection.output().contains("\"code\":\"malformed\"") && connection.state.isOver)
  }

  @Test func shuttingDownEndsTheReplyUnderWay() {
    let idle = self.connection()
    idle.shutDown(now: start)
    #expect(idle.state.backlog == 0 && idle.state.isOver)
    let busy = self.connection()
    #expect(busy.receive("{\"verb\":\"a\"}\n{\"verb\":\"b\"}\n") != nil)
    busy.shutDown(now: start)
    #expect(!busy.state.isAnswering(1))
    #expect(busy.output().hasSuffix("\"code\":\"closing\",\"done\":true}\n") && busy.state.isOver)
  }

  @Test(arguments: [1, 2, 3, 7, 64, 1000])
  func linesAreCutWhereTheirEndsAre(_ piece: Int) {
    let lines = (0..<200).map { [UInt8](repeating: UInt8($0 % 10), count: $0 * 7 % 64) }
    let bytes = Array(lines.joined(separator: [10])) + [10, 1, 2]
    var buffer = LineBuffer(limit: 2000)
    var found: [[UInt8]] = []
    for start in stride(from: 0, to: bytes.count, by: piece) {
      buffer.append(bytes[start..<min(start + piece, bytes.count)])
      while let line = buffer.next() { found.append(line) }
    }
    #expect(found == lines.map { $0.map { $0 } } && buffer.count == 2)
  }
}

/// A connection's state by reference, with the calls that its channel makes.
private final class Client {
  private(set) var state: ControlConnection
  /// Lines handed out to be read.
  private(set) var unread: [[UInt8]] = []
  private let now: ControlConnection.Instant

  init(_ state: ControlConnection, now: ControlConnection.Instant) {
    self.state = state
    self.now = now
  }

  func receive(_ text: String) -> ControlConnection.Request? { receive(Array(text.utf8), now: now) }

  func receive(_ bytes: some Collection<UInt8>, now: ControlConnection.Instant) -> ControlConnection.Request?
  {
    request(state.receive(bytes, now: now))
  }

  /// Long lines are read when `read` is called.
  private func request(_ work: ControlConnection.Work?) -> ControlConnection.Request? {
    switch work {
    case .handle(let request): return request
    case .read(let line):
      unread.append(line)
      return nil
    case nil: return nil
    }
  }

  func read() -> ControlConnection.Request? {
    state.hasRead(ControlConnection.read(unread.removeFirst()), now: now)
  }

  func inputEnded(now: ControlConnection.Instant) { state.inputEnded(now: now) }

  /// Sends as a part of the first reply.
  func send(_ line: [UInt8], replacing key: String? = nil) -> ControlConnection.Sending {
    state.send(line, to: 1, replacing: key)
  }

  func finish(
    _ line: [UInt8], number: Int, now: ControlConnection.Instant
  ) -> (sending: ControlConnection.Sending, next: ControlConnection.Request?) {
    let (sending, work) = state.finish(line, number: number, now: now)
    return (sending, request(work))
  }

  func expire(now: ControlConnection.Instant) -> Bool { state.expire(now: now) }
  func disconnect() { state.disconnect() }
  func shutDown(now: ControlConnection.Instant) { state.shutDown(now: now) }
  func nextOutput() -> (bytes: [UInt8], offset: Int)? { state.nextOutput() }
  func wrote(_ count: Int, now: ControlConnection.Instant) -> ControlConnection.Request? {
    request(state.wrote(count, now: now))
  }

  /// Everything that there is to write, written in pieces of three bytes.
  func output() -> String {
    var bytes: [UInt8] = []
    while let (next, offset) = nextOutput() {
      let count = min(3, next.count - offset)
      bytes += next[offset..<offset + count]
      let request = wrote(count, now: now)
      #expect(request == nil)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
