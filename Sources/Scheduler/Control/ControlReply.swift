/// Answers requests that come over a control socket.
package protocol ControlHandler: Sendable {
  /// Answers a request through `reply`, now or later.
  ///
  /// Called on the server's handler queue, which is serial: one request at a time, those of one client in the order
  /// in which they were sent. What takes long belongs elsewhere, with the reply in its hands; clients that send,
  /// read or vanish meanwhile are served all the same.
  func handle(_ request: ControlMessage, reply: ControlReply)
}

/// The answer to one request: any number of responses, the last one marked as such. May be kept and used on any
/// thread; nothing here blocks.
///
/// Once the reply is closed, whatever closed it, sending does nothing. A reply that is let go of without having
/// been finished ends with the failure `unanswered`.
package final class ControlReply: Sendable {
  private let channel: ControlChannel
  private let number: Int

  init(channel: ControlChannel, number: Int) {
    self.channel = channel
    self.number = number
  }

  deinit {
    if isClosed { return }
    channel.finish(number, .failure("unanswered", "the daemon let go of the request without an answer"))
  }

  /// Sends a response that is not the last one. It must not have the key `done`.
  ///
  /// With `key`, the response is an update that a newer one of the same key replaces as long as it has not been
  /// written: a slow reader misses updates but the latest. Without, every response is kept, and a client that leaves
  /// more than `ControlLimits.outgoingBytes` unread is disconnected. A sender of much waits for `whenSent` in between.
  /// A response longer than `ControlLimits.responseBytes` ends the reply with the failure `too-long`: a long list
  /// is sent as one response for each of its elements.
  package func send(_ message: ControlMessage, replacing key: String? = nil) {
    precondition(message["done"] == nil, "ControlReply: a response with the key \"done\"")
    channel.send(number, message, replacing: key)
  }

  /// Sends the last response, to which `"done": true` is added. It must not have that key.
  package func finish(_ message: ControlMessage = [:]) {
    precondition(message["done"] == nil, "ControlReply: a response with the key \"done\"")
    channel.finish(number, message)
  }

  /// Ends the reply with a failure.
  package func fail(_ code: String, _ message: String) {
    channel.finish(number, .failure(code, message))
  }

  /// The reply has been finished, the client has gone, or the server has closed.
  package var isClosed: Bool { channel.isClosed(number) }

  /// Calls `action` on the handler queue once the reply is closed, be it already. An action that holds the reply itself
  /// keeps it from being let go of.
  package func onClose(_ action: @escaping @Sendable () -> Void) {
    channel.onClose(number, action)
  }

  /// Calls `action` on the handler queue once nothing waits to be written to the client, or the reply is closed.
  package func whenSent(_ action: @escaping @Sendable () -> Void) {
    channel.whenSent(number, action)
  }
}
