import Files
import Foundation

/// A lease on a file: whoever else opens the file waits until it is released, as for a disk that stands still.
///
/// The system gives the waiting 45 seconds (`/proc/sys/fs/lease-break-time`).
package final class Lease {
  private let descriptor: Int32

  /// Makes the file where it is not there. Nobody may have it open.
  package init(_ path: String) throws {
    // The system tells of who waits by a signal, which would end this process.
    signal(SIGIO, SIG_IGN)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0, fcntl(descriptor, Self.set, F_WRLCK) == 0 else {
      throw FileError(.lock, path, code: errno)
    }
  }

  deinit { close(descriptor) }

  /// Returns whether somebody has come to wait for it, as soon as that is so, or false after half a minute.
  package func waitUntilWanted() -> Bool {
    let deadline = Date(timeIntervalSinceNow: 30)
    while fcntl(descriptor, Self.get) == F_WRLCK {
      if Date() > deadline { return false }
      usleep(1_000)
    }
    return true
  }

  package func release() { _ = fcntl(descriptor, Self.set, F_UNLCK) }

  /// F_SETLEASE and F_GETLEASE of Linux, which Swift does not show.
  private static let set: Int32 = 1024
  private static let get: Int32 = 1025
}
