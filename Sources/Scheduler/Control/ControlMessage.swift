import JSON

/// A message of the control socket.
///
/// What the protocol itself reads: `verb` in requests; in responses `done`, which is true in the last one, and
/// `error` with `code` where something went wrong.
package typealias ControlMessage = JSONObject

extension ControlMessage {
  /// The message as JSON on one line, without a line feed.
  package var text: String { String(decoding: JSONWriter.bytes(self), as: UTF8.self) }

  package var verb: String? { self["verb"]?.string }

  /// Whether this is the last response to a request.
  package var isDone: Bool { self["done"] == .bool(true) }

  /// The message as the last response to a request.
  var done: ControlMessage {
    var message = self
    message["done"] = true
    return message
  }

  /// What went wrong, where this is a response that says so.
  package var failure: ControlFailure? {
    self["error"]?.string.map { ControlFailure(code: self["code"]?.string ?? "", message: $0) }
  }

  /// The last response to a request that failed: `{"error": message, "code": code}`.
  package static func failure(_ code: String, _ message: String) -> ControlMessage {
    ["error": .string(message), "code": .string(code)]
  }
}

/// What a response says went wrong.
///
/// Codes of the protocol itself: `malformed`, `too-long`, `timeout`, `busy`, `closing`, `unanswered`. The handler
/// adds its own.
package struct ControlFailure: Hashable, Sendable {
  /// For programs.
  package var code: String
  /// A sentence for people.
  package var message: String
}
