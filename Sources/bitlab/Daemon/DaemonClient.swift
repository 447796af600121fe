import Experiments
import Files
import Scheduler

/// A verb's connection to the daemon of a results folder.
struct DaemonClient {
  private let client: ControlClient

  /// nil where no daemon runs. Throws `ForeignFolder` where only another user could tell.
  static func connect(_ results: ResultsFolder) throws -> DaemonClient? {
    if let foreign = ForeignFolder(results) { throw foreign }
    do {
      return DaemonClient(
        client: try ControlClient.connect(results.socketFile, version: Machine.bitlabVersion))
    } catch ControlError.noServer {
      return nil
    }
  }

  /// Throws `NoDaemon` where none runs.
  static func required(_ results: ResultsFolder) throws -> DaemonClient {
    guard let client = try connect(results) else { throw NoDaemon(results: results.path) }
    return client
  }

  var serverPID: Int? { client.serverPID }

  /// Sends a request and returns the responses but for the empty last one.
  func request(_ message: ControlMessage) throws -> [ControlMessage] {
    let responses = try client.request(message)
    if let failure = responses.last?.failure { throw error(failure) }
    return responses.filter { !$0.isDone || $0.members.count > 1 }
  }

  /// Sends a request and returns the responses as JSON texts, unread, but for the last one: for `--json`.
  func texts(answering message: ControlMessage) throws -> [String] {
    let (lines, last) = try client.lines(answering: message)
    if let failure = last.failure { throw error(failure) }
    return lines.map { String(decoding: $0, as: UTF8.self) }
  }

  /// Sends a request and hands over each response as it comes, until `body` returns false.
  func stream(_ message: ControlMessage, each body: (ControlMessage) -> Bool) throws {
    var failure: ControlFailure?
    try client.stream(message) { response in
      failure = response.failure
      return failure == nil && body(response)
    }
    if let failure { throw error(failure) }
  }

  /// A daemon that says goodbye has gone as one that died has: whoever waits for it cannot wait on.
  private func error(_ failure: ControlFailure) -> any Error {
    failure.code == "closing" ? ControlError.disconnected(path: client.path) : DaemonFailure(failure)
  }
}

/// No daemon runs, and the verb needs one; exit code 69.
struct NoDaemon: Error, CustomStringConvertible {
  var results: String

  var description: String {
    "no daemon runs on \(results): start one with `bitlab daemon --results \(results)`"
  }
}

/// The daemon could not do what it was asked.
struct DaemonFailure: Error, CustomStringConvertible {
  let isUsage: Bool
  /// Whether it would do it for somebody who is sure.
  let isQuestion: Bool
  let description: String

  init(_ failure: ControlFailure) {
    isUsage = failure.code == "usage"
    isQuestion = failure.code == "question"
    description = failure.message
  }
}
