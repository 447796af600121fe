import Foundation

/// Ends, from any thread, what a `ControlClient` waits for; for good.
package final class ControlCancellation: Sendable {
  /// Becomes readable with the cancellation.
  let descriptor: Int32
  private let sender: Int32

  package init() {
    var ends: [Int32] = [-1, -1]
    let result = pipe(&ends)
    precondition(result == 0, "ControlCancellation: no pipe, errno \(errno)")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (descriptor, sender) = (ends[0], ends[1])
    UnixSocket.setNonBlocking(sender)
  }

  deinit {
    close(descriptor)
    close(sender)
  }

  /// Only writes a byte to a pipe.
  package func cancel() {
    var byte: UInt8 = 1
    // A pipe that is full has been cancelled before.
    _ = write(sender, &byte, 1)
  }
}
