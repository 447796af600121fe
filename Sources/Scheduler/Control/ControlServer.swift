import Dispatch
import Foundation

/// Listens on a Unix-domain socket and hands requests to a handler.
///
/// The protocol is one JSON object a line, in UTF-8, in both directions. The server greets with
/// `{"bitlab": <protocol version>, "version": "<program version>", "pid": <process id>}`, to which `error` and `code` are
/// added where it refuses the client. A request is `{"verb": "...", ...}`. Each is answered, in the order in which they
/// were sent, by one or more responses, the last of which ends with `"done": true`; where something went wrong, it also
/// has `error`, a sentence, and `code`, a word. After a line that is no request, such a response comes and the
/// connection ends.
///
/// All I/O is non-blocking, on one serial queue: no client keeps another one waiting, whether it sends garbage, stays
/// silent, does not read, or vanishes. Long requests are parsed on a queue of their own. A client that closes its
/// sending half still gets its answers. What a client may use is in `ControlLimits`.
///
/// A server lives until `close`, whoever holds it.
///
/// `@unchecked Sendable`: all that varies is touched on `queue` alone.
package final class ControlServer: @unchecked Sendable {
  private let listener: UnixSocket.Listener
  private let listening: any DispatchSourceRead
  private let sweeping: any DispatchSourceTimer
  private let queue: DispatchQueue
  private let surroundings: ControlChannel.Surroundings
  private let greeting: ControlMessage
  private var channels: [ObjectIdentifier: ControlChannel] = [:]
  private var isSweepDue = false
  private var isAcceptingPaused = false
  private var isClosed = false
  /// Entered for each descriptor in use.
  private let descriptors = DispatchGroup()

  /// Listens on the socket at `path`, for this user alone: the socket gets mode 0600 and its folder, which is created
  /// where it is missing, 0700.
  ///
  /// Of the path, only the last part is bounded, to 82 bytes. A socket that is there already is replaced: the caller holds
  /// a lock that says that no other process uses it. `version` is the program's.
  package init(
    path: String, version: String, limits: ControlLimits = ControlLimits(), handler: any ControlHandler
  ) throws(ControlError) {
    listener = try UnixSocket.listen(at: path)
    // Serial queues of their own have a thread whenever they need one, however busy the cores are.
    queue = DispatchQueue(label: "bitlab.control", qos: .userInitiated)
    surroundings = ControlChannel.Surroundings(
      queue: queue, handlerQueue: DispatchQueue(label: "bitlab.control.handler", qos: .userInitiated),
      readingQueue: DispatchQueue(label: "bitlab.control.reading", qos: .userInitiated),
      handler: handler, limits: limits)
    greeting = [
      "bitlab": .integer(ControlVersion.currentProtocol), "version": .string(version),
      "pid": .integer(Int(getpid())),
    ]
    listening = DispatchSource.makeReadSource(fileDescriptor: listener.descriptor, queue: queue)
    sweeping = DispatchSource.makeTimerSource(queue: queue)
    // The handlers keep the server alive; cancelling drops them.
    listening.setEventHandler { self.accept() }
    sweeping.setEventHandler { self.sweep() }
    descriptors.enter()
    listening.setCancelHandler { [listener, descriptors] in
      Foundation.close(listener.descriptor)
      descriptors.leave()
    }
    sweeping.schedule(deadline: .distantFuture)
    sweeping.resume()
    listening.resume()
  }

  /// Clients connected now.
  package var clientCount: Int { queue.sync { channels.count } }

  /// Stops listening, removes the socket, ends every reply under way with the failure `closing` and all connections.
  ///
  /// Responses are still written as far as the sockets take them at once. Returns when all descriptors are closed; the
  /// replies' `onClose` actions may come later. May be called again and from the handler queue.
  package func close() {
    queue.sync {
      if isClosed { return }
      isClosed = true
      unlinkat(listener.folder, listener.name, 0)
      Foundation.close(listener.folder)
      if isAcceptingPaused { listening.resume() }
      listening.cancel()
      sweeping.cancel()
      for channel in Array(channels.values) { channel.shutDown() }
    }
    descriptors.wait()
  }

  // MARK: - On the queue

  private func accept() {
    while !isClosed {
      if let descriptor = UnixSocket.accept(listener.descriptor) {
        admit(descriptor)
        continue
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      case EAGAIN: return
      default: return pauseAccepting()
      }
    }
  }

  /// Descriptors or memory have run out: whoever waits to be accepted waits on, and is tried again soon.
  private func pauseAccepting() {
    isAcceptingPaused = true
    listening.suspend()
    queue.asyncAfter(deadline: .now() + .seconds(1)) { [self] in
      if isClosed { return }
      isAcceptingPaused = false
      listening.resume()
    }
  }

  private func admit(_ descriptor: Int32) {
    if channels.count >= surroundings.limits.connections { makeRoom() }
    guard channels.count < surroundings.limits.connections else {
      var refusal = greeting
      refusal["error"] = .string(
        "\(channels.count) clients are connected, as many as may be: try again later")
      refusal["code"] = "busy"
      refusal["done"] = true
      // A new socket takes a line, or its client has gone.
      _ = UnixSocket.send(descriptor, ControlLine.bytes(refusal), from: 0)
      Foundation.close(descriptor)
      return
    }
    descriptors.enter()
    let channel = ControlChannel(
      descriptor: descriptor, greeting: ControlLine.bytes(greeting), surroundings: surroundings,
      onClosed: { [self] in channels[ObjectIdentifier($0)] = nil },
      onReleased: { [descriptors] in descriptors.leave() })
    channels[ObjectIdentifier(channel)] = channel
    channel.begin()
    scheduleSweep()
  }

  /// Lets the client go that has asked for nothing for the longest time: silent ones must not lock the others out.
  private func makeRoom() {
    let idle = channels.values.compactMap { channel in channel.idleSince.map { (channel, $0) } }
    idle.min { $0.1 < $1.1 }?.0.giveWay()
  }

  /// A look at all clients is due as long as there are any, four times in the time that they have for a request.
  private func scheduleSweep() {
    if isSweepDue || channels.isEmpty { return }
    isSweepDue = true
    let (seconds, attoseconds) = (surroundings.limits.requestTimeout / 4).components
    let interval = DispatchTimeInterval.nanoseconds(
      Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    sweeping.schedule(deadline: .now() + interval, leeway: .milliseconds(1))
  }

  private func sweep() {
    isSweepDue = false
    for channel in Array(channels.values) { channel.sweep() }
    scheduleSweep()
  }
}

/// What one client of the control socket may use.
package struct ControlLimits: Hashable, Sendable {
  /// Clients at once. For one more the client goes that has asked for nothing for the longest time; where all are being
  /// answered, the new one is told so in its greeting and closed.
  package var connections = 64
  /// A request's line, without its line feed. Configs travel inside requests.
  package var requestBytes = 8 << 20
  /// A response's line, without its line feed.
  package var responseBytes = 1 << 20
  /// Responses that wait for a client that does not read; one more and it is disconnected.
  package var outgoingBytes = 16 << 20
  /// How long a client may take for its next whole request, from the greeting or the end of the last reply.
  package var requestTimeout = Duration.seconds(60)

  package init() {}
}
