import Foundation

/// An exclusive lock on a folder or whatever else a lock file stands for: held while the object lives,
/// released by the kernel when the process dies, however it does.
///
/// The lock is `flock`'s, on the file at `path`, which is created and stays. In it is the holder's process
/// id, for messages alone: whether the lock is held is the kernel's word, never the file's.
package final class FileLock: Sendable {
  /// Someone else holds the lock.
  package struct Held: Error, Hashable, Sendable, CustomStringConvertible {
    package let path: String
    /// The holder's process id, where it could be read.
    package let pid: Int32?

    package init(path: String, pid: Int32?) {
      self.path = path
      self.pid = pid
    }

    package var description: String {
      let holder = pid.map { "process \($0)" } ?? "another process"
      return "\(path) is locked by \(holder): wait for it to end, or end it, and run the same command again"
    }
  }

  package let path: String
  private let descriptor: Int32

  /// Takes the lock or throws at once: `Held` where someone else has it, else `FileError`. The folder must be
  /// there.
  package init(_ path: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    if descriptor < 0 { throw FileError(.open, path, code: errno) }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      // Somebody who only looks who has it is gone in a moment.
      if code == EWOULDBLOCK, flock(descriptor, LOCK_SH | LOCK_NB) == 0 {
        flock(descriptor, LOCK_UN)
        continue
      }
      let holder = code == EWOULDBLOCK ? Self.readPID(descriptor) : nil
      close(descriptor)
      if code == EWOULDBLOCK { throw Held(path: path, pid: holder) }
      throw FileError(.lock, path, code: code)
    }
    // Only now, since a complete object would be torn down, and the file closed twice, by a throw.
    self.path = path
    self.descriptor = descriptor
    // A full disk must not keep anyone from the lock: without the process id only a message is poorer.
    let text = Array("\(getpid())\n".utf8)
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }

  deinit {
    // The next holder's rivals should not be told our process id in the moment before it writes its own.
    _ = ftruncate(descriptor, 0)
    // Closing alone would leave the lock with a child process that is between fork and exec.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Whether the file that is locked is still at `path`: somebody who moves its folder away takes the lock along, and whoever
  /// finds another folder at the path owns that.
  package var isInPlace: Bool {
    var (held, found) = (stat(), stat())
    guard fstat(descriptor, &held) == 0, stat(path, &found) == 0 else { return false }
    return held.st_dev == found.st_dev && held.st_ino == found.st_ino
  }

  /// Who holds the lock at `path` now; nil for nobody.
  ///
  /// There is no asking without taking: it is taken for a moment, together with others who look.
  package static func holder(of path: String) -> Holder? {
    // A pipe in its place would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    if descriptor < 0 { return nil }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_SH | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      guard errno == EWOULDBLOCK else { return nil }
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { return nil }
      return Holder(pid: readPID(descriptor), since: nanoseconds(status.st_mtim))
    }
    // As in `deinit`.
    flock(descriptor, LOCK_UN)
    return nil
  }

  /// Somebody else who holds a lock.
  package struct Holder: Hashable, Sendable {
    /// The process id, where it could be read.
    package let pid: Int32?
    /// When it wrote that, by the file system's clock.
    fileprivate let since: Int

    /// Whether the file at `path` was last written since the holder has the lock.
    package func heldWhenWritten(_ path: String) -> Bool {
      var status = stat()
      return stat(path, &status) == 0 && FileLock.nanoseconds(status.st_mtim) >= since
    }
  }

  fileprivate static func nanoseconds(_ time: timespec) -> Int { time.tv_sec * 1_000_000_000 + time.tv_nsec }

  private static func readPID(_ descriptor: Int32) -> Int32? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0, let line = bytes[..<count].split(separator: UInt8(ascii: "\n")).first else { return nil }
    return Int32(String(decoding: line, as: UTF8.self))
  }
}
