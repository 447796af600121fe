import Foundation

/// What keeps a control socket from being served or used.
///
/// The description is one sentence for people: what happened, where, and what to do.
package enum ControlError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No socket is there, or nobody listens on it.
  case noServer(path: String)
  /// The server speaks another version of the protocol.
  case versionMismatch(server: ControlVersion, client: ControlVersion)
  /// The server greets with a refusal, for example `busy`.
  case refused(ControlFailure)
  /// No greeting came in time.
  case timeout(path: String)
  /// The connection ended before the answer did, or was ended by this side earlier.
  case disconnected(path: String)
  /// What the server sends is not this protocol.
  case malformed(path: String, problem: String)
  /// The caller's cancellation.
  case cancelled
  /// A request's line is longer than the server takes.
  case requestTooLong(bytes: Int, limit: Int)
  /// The last part of the path is longer than a socket address holds.
  case nameTooLong(path: String)
  /// Something that is not a socket has the socket's name.
  case occupied(path: String)
  /// The folder belongs to another user.
  case foreignFolder(path: String)
  /// A system call failed; `operation` completes "cannot ...".
  case system(operation: String, path: String, code: Int32)

  package var description: String {
    switch self {
    case .noServer(let path):
      "nothing listens on \(path): start the daemon with bitlab daemon"
    case .versionMismatch(let server, let client):
      "the daemon is \(server), this program is \(client): "
        + "use the program that started the daemon, or shut it down and start it again"
    case .refused(let failure):
      "the daemon refuses: \(failure.message)"
    case .timeout(let path):
      "the daemon does not answer on \(path): check whether its process hangs or is stopped"
    case .disconnected(let path):
      "the connection to the daemon on \(path) ended before its answer did: check whether the daemon still runs"
    case .malformed(let path, let problem):
      "what listens on \(path) does not speak BitLab's protocol: \(problem): check the path"
    case .cancelled:
      "cancelled"
    case .requestTooLong(let bytes, let limit):
      "the request has \(bytes) bytes, the daemon takes \(limit): submit fewer or smaller configs at once"
    case .nameTooLong(let path):
      "the name of the socket \(path) is too long: choose one of at most \(UnixSocket.maximumName) bytes"
    case .occupied(let path):
      "\(path) is in the way and not a socket: move it and run the same command again"
    case .foreignFolder(let path):
      "the folder \(path) belongs to another user: choose another folder"
    case .system(let operation, let path, let code):
      "cannot \(operation) \(path): \(String(cString: strerror(code))) (\(code)): "
        + "run the command again once the cause is gone"
    }
  }
}

/// Who speaks, as a greeting says it.
package struct ControlVersion: Hashable, Sendable, CustomStringConvertible {
  /// The protocol that this source speaks. A change that an older reader misunderstands makes it one more.
  package static let currentProtocol = 1

  package var protocolVersion: Int
  /// The program's version.
  package var program: String

  package init(protocolVersion: Int = currentProtocol, program: String) {
    self.protocolVersion = protocolVersion
    self.program = program
  }

  package var description: String { "BitLab \(program) (protocol \(protocolVersion))" }
}
