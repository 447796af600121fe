import Dispatch
import Foundation
import Synchronization

/// The I/O of one client: moves bytes between its socket and its `ControlConnection`.
///
/// `@unchecked Sendable`: what any thread may touch is in `state`; `reading`, `writing` and the flags beside them are
/// touched on `queue` alone.
final class ControlChannel: @unchecked Sendable {
  typealias Action = @Sendable () -> Void

  private struct State {
    var connection: ControlConnection
    /// A write is to come, or waits until the socket takes more.
    var isWriteDue = false
    var closeActions: [Action] = []
    var sentActions: [Action] = []
  }

  /// The queues and the handler that all clients of a server share.
  struct Surroundings: Sendable {
    /// For I/O; serial.
    let queue: DispatchQueue
    /// For the handler and the replies' actions; serial.
    let handlerQueue: DispatchQueue
    /// For lines that take long to be read; serial.
    let readingQueue: DispatchQueue
    let handler: any ControlHandler
    let limits: ControlLimits
  }

  private let state: Mutex<State>
  private let surroundings: Surroundings
  private let descriptor: Int32
  private let reading: any DispatchSourceRead
  private var isReadingPaused = false
  /// Made when the socket first takes less than there is.
  private var writing: (any DispatchSourceWrite)?
  private var isWritingPaused = false
  private var isClosed = false
  private var openSources = 1
  private let onClosed: (ControlChannel) -> Void
  private let onReleased: () -> Void

  /// Takes over the descriptor. On the queue, `onClosed` is called when the client is done with, and `onReleased` when
  /// its descriptor is closed.
  init(
    descriptor: Int32, greeting: [UInt8], surroundings: Surroundings,
    onClosed: @escaping (ControlChannel) -> Void, onReleased: @escaping () -> Void
  ) {
    self.descriptor = descriptor
    self.surroundings = surroundings
    self.onClosed = onClosed
    self.onReleased = onReleased
    state = Mutex(
      State(
        connection: ControlConnection(greeting: greeting, limits: surroundings.limits, now: .now)))
    reading = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: surroundings.queue)
  }

  /// Greets the client and begins to listen to it. On the queue.
  func begin() {
    // The handlers keep the channel alive; cancelling drops them.
    reading.setEventHandler { self.receive() }
    reading.setCancelHandler { self.sourceEnded() }
    reading.resume()
    state.withLock { $0.isWriteDue = true }
    write()
  }

  // MARK: - On the queue: input

  /// Takes what there is. It must take all: after a hang-up no further event may come.
  private func receive() {
    while !isClosed {
      let room = state.withLock { $0.connection.room }
      if room == 0 { return pauseReading() }
      switch UnixSocket.receive(descriptor, limit: min(room, 1 << 16)) {
      case .bytes(let bytes):
        let work = state.withLock { $0.connection.receive(bytes, now: .now) }
        begin(work)
        // What the state machine answers by itself.
        writeIfDue()
      case .nothing: return resumeReading()
      case .end: return inputEnded()
      case .failed: return close()
      }
    }
  }

  private func inputEnded() {
    // A client that has only closed its sending half still gets its answers.
    if UnixSocket.isHungUp(descriptor) { return close() }
    pauseReading()
    state.withLock { $0.connection.inputEnded(now: .now) }
    writeIfDue()
  }

  private func pauseReading() {
    if !isReadingPaused { reading.suspend() }
    isReadingPaused = true
  }

  private func resumeReading() {
    if isReadingPaused { reading.resume() }
    isReadingPaused = false
  }

  // MARK: - On the queue: output

  private func writeIfDue() {
    let isDue = state.withLock { state in
      if state.isWriteDue || state.connection.backlog == 0 && !state.connection.isOver { return false }
      state.isWriteDue = true
      return true
    }
    if isDue { write() }
  }

  /// Writes what there is until the socket takes no more, then waits for that.
  private func write() {
    // A fast sender with a fast reader must let the other clients have their turn.
    for _ in 0..<16 where !isClosed {
      guard let (bytes, offset) = state.withLock({ $0.connection.nextOutput() }) else { return wroteAll() }
      switch UnixSocket.send(descriptor, bytes, from: offset) {
      case .bytes(let count):
        let work = state.withLock { $0.connection.wrote(count, now: .now) }
        begin(work)
      case .full: return resumeWriting()
      case .failed: return close()
      }
    }
    if !isClosed { surroundings.queue.async { self.write() } }
  }

  private func wroteAll() {
    let (isDrained, isOver, actions) = state.withLock { state -> (Bool, Bool, [Action]) in
      // Something may have been added since.
      guard state.connection.backlog == 0 || state.connection.isOver else { return (false, false, []) }
      state.isWriteDue = false
      defer { state.sentActions = [] }
      return (true, state.connection.isOver, state.sentActions)
    }
    guard isDrained else { return surroundings.queue.async { self.write() } }
    call(actions)
    if isOver { return close() }
    if !isWritingPaused { writing?.suspend() }
    isWritingPaused = true
    // There may be room again for what the client sends.
    if isReadingPaused { receivePaused() }
  }

  private func receivePaused() {
    if state.withLock({ !$0.connection.hasInputEnded && $0.connection.room > 0 }) { receive() }
  }

  private func resumeWriting() {
    if let writing {
      if isWritingPaused { writing.resume() }
    } else {
      let source = DispatchSource.makeWriteSource(fileDescriptor: descriptor, queue: surroundings.queue)
      source.setEventHandler { self.write() }
      source.setCancelHandler { self.sourceEnded() }
      openSources += 1
      writing = source
      source.resume()
    }
    isWritingPaused = false
  }

  // MARK: - On the queue: the end

  /// Ends the connection if its client has taken too long or has gone unnoticed.
  func sweep() {
    if state.withLock({ $0.connection.expire(now: .now) }) {
      writeIfDue()
      close()
    } else if isReadingPaused, UnixSocket.isHungUp(descriptor) {
      // Nothing is read, so that no event tells.
      close()
    }
  }

  /// Ends the connection with the server: a reply under way gets its failure, as far as the socket takes it.
  func shutDown() { end { $0.shutDown(now: .now) } }

  /// Since when the client has asked for nothing; nil while there is something to be done for it.
  var idleSince: ControlConnection.Instant? { state.withLock { $0.connection.idleSince } }

  /// Ends an idle connection: another client needs the place.
  func giveWay() { end { $0.giveWay(now: .now) } }

  private func end(_ change: (inout ControlConnection) -> Void) {
    state.withLock { change(&$0.connection) }
    while !isClosed, let (bytes, offset) = state.withLock({ $0.connection.nextOutput() }) {
      guard case .bytes(let count) = UnixSocket.send(descriptor, bytes, from: offset) else { break }
      _ = state.withLock { $0.connection.wrote(count, now: .now) }
    }
    close()
  }

  private func close() {
    if isClosed { return }
    isClosed = true
    let actions = state.withLock { state in
      state.connection.disconnect()
      defer {
        state.closeActions = []
        state.sentActions = []
      }
      return state.sentActions + state.closeActions
    }
    call(actions)
    // A suspended source would never tell that it is cancelled.
    resumeReading()
    reading.cancel()
    if let writing {
      if isWritingPaused { writing.resume() }
      writing.cancel()
    }
    onClosed(self)
  }

  /// The descriptor must stay open until no source watches it.
  private func sourceEnded() {
    openSources -= 1
    guard openSources == 0 else { return }
    Foundation.close(descriptor)
    onReleased()
  }

  private func call(_ actions: [Action]) {
    for action in actions { surroundings.handlerQueue.async(execute: action) }
  }

  // MARK: - On any thread: requests

  private func begin(_ work: ControlConnection.Work?) {
    switch work {
    case .handle(let request): handle(request)
    case .read(let line):
      surroundings.readingQueue.async { [self] in
        let reading = ControlConnection.read(line)
        if let request = state.withLock({ $0.connection.hasRead(reading, now: .now) }) {
          handle(request)
        } else {
          surroundings.queue.async { self.writeIfDue() }
        }
      }
    case nil: break
    }
  }

  private func handle(_ request: ControlConnection.Request) {
    surroundings.handlerQueue.async { [self] in
      surroundings.handler.handle(
        request.message, reply: ControlReply(channel: self, number: request.number))
    }
  }

  // MARK: - On any thread: replies

  func isClosed(_ number: Int) -> Bool {
    state.withLock { !$0.connection.isAnswering(number) }
  }

  func send(_ number: Int, _ message: ControlMessage, replacing key: String?) {
    let line = ControlLine.bytes(message)
    if line.count > surroundings.limits.responseBytes + 1 { return finish(number, Self.tooLong(line)) }
    let (sending, wakes) = state.withLock { state in
      let sending = state.connection.send(line, to: number, replacing: key)
      return (sending, beginsWriting(&state, sending))
    }
    if sending == .overflowed { surroundings.queue.async { self.close() } }
    if wakes { surroundings.queue.async { self.write() } }
  }

  func finish(_ number: Int, _ message: ControlMessage) {
    var line = ControlLine.bytes(message.done)
    if line.count > surroundings.limits.responseBytes + 1 {
      line = ControlLine.bytes(Self.tooLong(line).done)
    }
    let (work, wakes, actions) = state.withLock { state -> (ControlConnection.Work?, Bool, [Action]) in
      let (sending, work) = state.connection.finish(line, number: number, now: .now)
      if sending == .ignored { return (nil, false, []) }
      defer {
        state.closeActions = []
        state.sentActions = []
      }
      return (work, beginsWriting(&state, sending), state.sentActions + state.closeActions)
    }
    call(actions)
    begin(work)
    if wakes { surroundings.queue.async { self.write() } }
  }

  func onClose(_ number: Int, _ action: @escaping Action) {
    let isOpen = state.withLock { state in
      guard state.connection.isAnswering(number) else { return false }
      state.closeActions.append(action)
      return true
    }
    if !isOpen { call([action]) }
  }

  func whenSent(_ number: Int, _ action: @escaping Action) {
    let isWaiting = state.withLock { state in
      guard state.connection.isAnswering(number), state.connection.backlog > 0 else { return false }
      state.sentActions.append(action)
      return true
    }
    if !isWaiting { call([action]) }
  }

  /// Whether the queue must be told to write.
  private func beginsWriting(_ state: inout State, _ sending: ControlConnection.Sending) -> Bool {
    guard sending == .queued, !state.isWriteDue else { return false }
    state.isWriteDue = true
    return true
  }

  private static func tooLong(_ line: [UInt8]) -> ControlMessage {
    .failure("too-long", "the response has \(line.count) bytes, more than a line may have")
  }
}
