import Foundation

/// What the signals that ask a process to stop are to bring about, one after the other.
///
/// The first one asks. Who asks for the same twice in a moment has asked once: GNU `timeout` signals its child and the
/// child's group, and systems that shut down send SIGTERM and SIGHUP together. Another Ctrl-C comes from a person who does
/// not want to wait.
struct StopSignals {
  enum Action: Equatable {
    /// Stop in order, everything checkpointed.
    case stop
    case nothing
    /// End the process now.
    case end
  }

  /// For how long SIGTERM and SIGHUP repeat the request before.
  static let repetition = Duration.seconds(2)
  /// The same for SIGINT after SIGINT: no person is that quick.
  static let echo = Duration.milliseconds(20)

  private(set) var first: Int32?
  private var since = Duration.zero
  /// Nothing is left to be checkpointed, so that even the first signal ends the process.
  var isDone = false

  mutating func receive(_ signal: Int32, at time: Duration) -> Action {
    guard let first else {
      first = signal
      since = time
      return isDone ? .end : .stop
    }
    let bound = signal != SIGINT ? Self.repetition : first == SIGINT ? Self.echo : .zero
    return time - since < bound ? .nothing : .end
  }
}
