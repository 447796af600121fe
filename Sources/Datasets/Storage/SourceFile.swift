import Foundation

/// Which file a path leads to, and as of which change.
///
/// Files with the same version have the same content, but for one that was changed twice within a tick of the clock that
/// stamps files: see `isSettled`.
package struct FileVersion: Sendable, Hashable {
  let device: UInt64
  let inode: UInt64
  let size: Int
  /// When the content changed, in nanoseconds since 1970. Whoever writes a file may set it to anything.
  let modified: Int
  /// When content, owner, name or the like changed; nobody sets it at will.
  let changed: Int

  /// File systems stamp changes with a coarse clock: ticks of some milliseconds, of up to two seconds on the oldest.
  private static let settlingTime = 2_000_000_000

  init(_ status: stat) {
    func nanoseconds(_ time: timespec) -> Int { Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec) }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int(status.st_size)
    modified = nanoseconds(status.st_mtim)
    changed = nanoseconds(status.st_ctim)
  }

  /// The file at the end of all links; nil where that is no regular file, or not there.
  package init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    self.init(status)
  }

  /// Whether it is another look at the same file, be it changed.
  package func isSameFile(as other: FileVersion?) -> Bool {
    device == other?.device && inode == other?.inode
  }

  /// Whether a later change must show in the version, now.
  package var isSettled: Bool { isSettled(at: Int(Date().timeIntervalSince1970 * 1e9)) }

  /// Whether a later change must show in the version: the last one is old enough.
  ///
  /// - Parameter now: the time of the look at the file, in nanoseconds since 1970.
  func isSettled(at now: Int) -> Bool {
    let age = now.subtractingReportingOverflow(changed)
    return !age.overflow && age.partialValue >= Self.settlingTime
  }
}

/// A file to read, and whose it is: that decides what to advise when it is broken.
struct SourceFile: Sendable, Hashable {
  let path: String
  /// The official file that it should be; `nil` for a user's own.
  let official: OfficialFile?

  init(path: String, official: OfficialFile? = nil) {
    self.path = path
    self.official = official
  }

  /// By its name; gzip content under another name is recognized when it is read.
  var isNamedGzip: Bool { path.hasSuffix(".gz") }

  /// What to do about broken content.
  var repair: String {
    if let official {
      "download the official file \(official.name) of \(official.dataset.rawValue) again; "
        + "`bitlab data verify` checks it"
    } else {
      "write the file again, as IDX with unsigned bytes"
    }
  }

  /// Says which offsets and lengths are meant where there are two.
  var decompressedNote: String { isNamedGzip ? " (decompressed)" : "" }
}
