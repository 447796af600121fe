import Files
import Glibc

/// Reads files that anyone may have put there, and may still be writing: never follows a link, never blocks,
/// never reads more than the limit.
struct SpoolReader: Sendable {
  enum Result: Sendable {
    case file(SpooledFile)
    case refused(SpoolRefusal)
    /// It is open for writing, or may be.
    case open
    /// It is not what it was, or changed under the reader.
    case changed
    case missing
    case failed(FileError)
  }

  /// Who has a file open for writing.
  enum Writers: Hashable, Sendable {
    case none, some, unknown
  }

  let folder: String
  /// The largest config that is read, in bytes.
  let limit: Int
  /// Whether this machine knows of everyone who writes to the folder's files.
  let knowsEveryWriter: Bool
  /// Called between opening and reading, for tests.
  var afterOpening: @Sendable () -> Void = {}

  func read(_ entry: SpoolEntry, _ condition: SpoolState.Condition) -> Result {
    let path = SpoolPath.join(folder, entry.name)
    // The entry was a regular file a moment ago. Should it be something else by now: a link is not followed, and
    // a FIFO does not block.
    let descriptor = retrying { open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) }
    guard descriptor >= 0 else { return result(ofOpening: entry, condition, errno) }
    defer { close(descriptor) }
    guard let opened = look(descriptor, entry.name), opened.isSameVersion(as: entry) else { return .changed }
    afterOpening()

    if condition != .any {
      let writers = knowsEveryWriter ? Self.writers(of: descriptor) : .unknown
      if writers == .some || writers == .unknown && condition == .knownToBeClosed { return .open }
    }
    if opened.identity.size > limit {
      return .refused(SpoolRefusal(entry: opened, reason: .tooLarge(limit: limit)))
    }
    // One byte more than is expected, to see a file that grew.
    var bytes = [UInt8](repeating: 0, count: opened.identity.size + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { buffer in
        retrying { Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count) }
      }
      if got < 0 { return .failed(FileError(.read, shown(entry.name), code: errno)) }
      if got == 0 { break }
      count += got
    }
    guard count == opened.identity.size, let after = look(descriptor, entry.name),
      after.isSameVersion(as: opened)
    else { return .changed }
    bytes.removeLast(bytes.count - count)
    guard let name = entry.name.text else {
      return .refused(SpoolRefusal(entry: opened, reason: .nameIsNotUTF8))
    }
    return .file(SpooledFile(name: name, bytes: bytes, entry: opened))
  }

  private func result(
    ofOpening entry: SpoolEntry, _ condition: SpoolState.Condition, _ code: Int32
  ) -> Result {
    switch code {
    case ENOENT, ENOTDIR: return .missing
    // A symbolic link, a socket, or someone else's lease.
    case ELOOP, ENXIO, EWOULDBLOCK: return .changed
    case EACCES, EPERM:
      // Whoever writes it may yet make it readable.
      if condition == .knownToBeClosed { return .open }
      return .refused(SpoolRefusal(entry: entry, reason: .unreadable))
    default: return .failed(FileError(.open, shown(entry.name), code: code))
    }
  }

  /// Whether anybody has the file open for writing: where somebody has, the system does not grant a read lease,
  /// which is given back at once. It grants them on files of one's own alone, and to root.
  static func writers(of descriptor: Int32) -> Writers {
    // Somebody who opens the file for writing in this moment waits until the lease is given back, and we get
    // a signal: not SIGIO, which ends a process, but one that does nothing.
    guard fcntl(descriptor, Self.setSignal, SIGURG) == 0 else { return .unknown }
    if fcntl(descriptor, Self.setLease, Int32(F_RDLCK)) == 0 {
      _ = fcntl(descriptor, Self.setLease, Int32(F_UNLCK))
      return .none
    }
    return errno == EAGAIN ? .some : .unknown
  }

  // F_SETSIG and F_SETLEASE, which the Glibc module leaves out as GNU's own; on Linux these are their values.
  private static let setSignal: Int32 = 10
  private static let setLease: Int32 = 1024

  /// Whether leases in a folder speak for every writer: on this machine's own disks they do, on network file
  /// systems they may not know of other machines.
  static func knowsEveryWriter(device: UInt64, mounts: String) -> Bool {
    // The bits of both are interleaved, as they grew over the years.
    let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
    let minor = device & 0xFF | (device >> 12) & ~0xFF & 0xFFFF_FFFF
    let number = "\(major):\(minor)"
    for line in mounts.split(separator: "\n") {
      // "36 35 8:1 / /home rw,noatime shared:1 - ext4 /dev/sda1 rw": the type follows a lone dash.
      let fields = line.split(separator: " ")
      guard fields.count > 2, fields[2] == number, let dash = fields.firstIndex(of: "-") else { continue }
      return dash + 1 < fields.count && localFileSystems.contains(String(fields[dash + 1]))
    }
    return false
  }

  private static let localFileSystems: Set = ["ext2", "ext3", "ext4", "xfs", "f2fs", "tmpfs"]

  private func look(_ descriptor: Int32, _ name: SpoolName) -> SpoolEntry? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? SpoolEntry(name: name, status) : nil
  }

  private func shown(_ name: SpoolName) -> String { FilePath.join(folder, name.description) }

  private func retrying<Number: SignedInteger>(_ call: () -> Number) -> Number {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }
}
