import Glibc

/// What tells one version of a file from another: replacing it changes the inode, writing to it the time or
/// the size.
package struct FileIdentity: Hashable, Sendable, Codable {
  package let device: UInt64
  package let inode: UInt64
  /// Of the last write, since 1970.
  package let modified: Duration
  package let size: Int

  package init(device: UInt64, inode: UInt64, modified: Duration, size: Int) {
    self.device = device
    self.inode = inode
    self.modified = modified
    self.size = size
  }
}

/// One entry of the watched folder, as `lstat` shows it.
package struct SpoolEntry: Hashable, Sendable {
  /// What the entry is to the file system.
  package enum Kind: Sendable, Hashable {
    case regularFile, folder, symbolicLink, fifo, socket, device
  }

  package let name: SpoolName
  package let kind: Kind
  package let identity: FileIdentity
  /// Of the last change of anything about it, since 1970: a file that is put back under its old name with its
  /// old times still differs in this.
  package let changed: Duration

  package init(name: SpoolName, kind: Kind, identity: FileIdentity, changed: Duration) {
    self.name = name
    self.kind = kind
    self.identity = identity
    self.changed = changed
  }

  /// Whether `other` is this very file with this very content. Times and sizes of what is not a regular file say
  /// nothing: a folder's change with what is in it, a FIFO's with whoever writes to it.
  package func isSameVersion(as other: SpoolEntry) -> Bool {
    guard kind == other.kind else { return false }
    if kind == .regularFile { return identity == other.identity }
    return identity.device == other.identity.device && identity.inode == other.identity.inode
  }

  /// What is at `path`, a symbolic link being itself; nil where nothing is.
  static func look(at path: [CChar], named name: SpoolName) -> SpoolEntry? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    return SpoolEntry(name: name, status)
  }

  init(name: SpoolName, _ status: stat) {
    self.name = name
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .regularFile
      case S_IFDIR: .folder
      case S_IFLNK: .symbolicLink
      case S_IFIFO: .fifo
      case S_IFSOCK: .socket
      default: .device
      }
    identity = FileIdentity(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), modified: Duration(status.st_mtim),
      size: Int(status.st_size))
    changed = Duration(status.st_ctim)
  }
}

extension Duration {
  init(_ time: timespec) {
    self = .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}

/// Paths as the system takes them: bytes that need not be UTF-8.
enum SpoolPath {
  static func join(_ folder: String, _ name: SpoolName) -> [CChar] {
    let separator = folder.hasSuffix("/") ? "" : "/"
    return (Array((folder + separator).utf8) + name.bytes).map { CChar(bitPattern: $0) } + [0]
  }
}
