import CSystem
import Foundation

/// The system calls around Unix-domain sockets.
///
/// A socket address holds 107 bytes of path. A longer path is reached through an open descriptor of its folder:
/// `/proc/self/fd/<descriptor>/<name>` is always short. So only the socket's name is bounded, and `/proc` is needed for
/// long paths alone.
enum UnixSocket {
  /// Bytes of the longest path in an address, the final zero not counted.
  static let maximumPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
  /// Bytes of the longest name of a socket.
  static let maximumName = maximumPath - "/proc/self/fd/2147483647/".utf8.count

  /// A listening socket, and the folder that it was put into.
  struct Listener {
    let descriptor: Int32
    let folder: Int32
    let name: String
  }

  /// Puts a socket at `path` and listens on it, non-blocking. Nobody but this user can connect: the folder gets mode
  /// 0700 and the socket 0600, whatever the umask. A socket that is there already is replaced.
  ///
  /// The folder is created where it is missing, but not those above it.
  static func listen(at path: String) throws(ControlError) -> Listener {
    let (folderPath, name) = try split(path)
    let folder = try openPrivateFolder(folderPath)
    do throws(ControlError) {
      try removeStale(name, in: folder, path)
      let descriptor = try make(path)
      do throws(ControlError) {
        try bind(descriptor, name, in: folder, path)
        setNonBlocking(descriptor)
        return Listener(descriptor: descriptor, folder: folder, name: name)
      } catch {
        close(descriptor)
        throw error
      }
    } catch {
      close(folder)
      throw error
    }
  }

  /// A connection to the socket at `path`, non-blocking; waits at most so long for the listener to have room.
  static func connect(to path: String, timeout: Duration) throws(ControlError) -> Int32 {
    let (folderPath, name) = try split(path)
    var folder: Int32 = -1
    if path.utf8.count > maximumPath {
      folder = open(folderPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      if folder < 0 { throw connectionError(errno, path) }
    }
    defer { if folder >= 0 { close(folder) } }
    let descriptor = try make(path)
    // On a Unix-domain socket this bounds connect as well.
    var limit = timeval(timeout)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let address: String
    do throws(ControlError) {
      address = try self.address(name, in: folder, path)
    } catch {
      close(descriptor)
      throw error
    }
    while withAddress(address, { Foundation.connect(descriptor, $0, $1) }) != 0 {
      let code = errno
      if code == EINTR { continue }
      close(descriptor)
      throw code == EAGAIN ? .timeout(path: path) : connectionError(code, path)
    }
    setNonBlocking(descriptor)
    return descriptor
  }

  /// The next client that waits to be accepted, non-blocking and not inherited by other processes; nil with `errno` where there is none.
  static func accept(_ listener: Int32) -> Int32? {
    let descriptor = csystem_accept(listener)
    return descriptor < 0 ? nil : descriptor
  }

  /// Whether the other side has closed its socket, not only its sending half.
  static func isHungUp(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: 0, revents: 0)
    return poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLHUP | POLLERR) != 0
  }

  enum Sent: Hashable {
    case bytes(Int)
    /// The socket takes nothing more for now.
    case full
    /// The connection is gone.
    case failed
  }

  /// Sends what fits now of the bytes from `offset` on, without SIGPIPE.
  static func send(_ descriptor: Int32, _ bytes: [UInt8], from offset: Int) -> Sent {
    bytes.withUnsafeBytes { buffer in
      while true {
        let rest = UnsafeRawBufferPointer(rebasing: buffer[offset...])
        let count = Foundation.send(
          descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        if count >= 0 { return .bytes(count) }
        let code = errno
        if code != EINTR { return code == EAGAIN ? .full : .failed }
      }
    }
  }

  enum Received: Hashable {
    case bytes([UInt8])
    /// There is nothing for now.
    case nothing
    /// The other side sends nothing more.
    case end
    /// The connection is gone.
    case failed
  }

  /// Receives what is there, at most `limit` bytes.
  static func receive(_ descriptor: Int32, limit: Int) -> Received {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      repeat {
        count = recv(descriptor, buffer.baseAddress, limit, Int32(MSG_DONTWAIT))
        code = count < 0 ? errno : 0
      } while code == EINTR
      count = max(0, count)
    }
    switch code {
    case 0: return bytes.isEmpty ? .end : .bytes(bytes)
    case EAGAIN: return .nothing
    default: return .failed
    }
  }

  static func setNonBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  // MARK: - Steps of listening

  private static func openPrivateFolder(_ path: String) throws(ControlError) -> Int32 {
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw .system(operation: "create the folder", path: path, code: errno)
    }
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder < 0 { throw .system(operation: "open the folder", path: path, code: errno) }
    var status = stat()
    fstat(folder, &status)
    var problem: ControlError?
    if status.st_uid != geteuid() {
      problem = .foreignFolder(path: path)
    } else if status.st_mode & 0o7777 != 0o700, fchmod(folder, 0o700) != 0 {
      problem = .system(operation: "set the permissions of the folder", path: path, code: errno)
    }
    if let problem {
      close(folder)
      throw problem
    }
    return folder
  }

  private static func removeStale(_ name: String, in folder: Int32, _ path: String) throws(ControlError) {
    var status = stat()
    guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw .occupied(path: path) }
    if unlinkat(folder, name, 0) != 0, errno != ENOENT {
      throw .system(operation: "remove the stale socket", path: path, code: errno)
    }
  }

  private static func bind(
    _ descriptor: Int32, _ name: String, in folder: Int32, _ path: String
  ) throws(ControlError) {
    let address = try address(name, in: folder, path)
    // Linux gives the file the socket's own mode less the umask: it is never more open than 0600.
    _ = fchmod(descriptor, 0o600)
    guard withAddress(address, { Foundation.bind(descriptor, $0, $1) }) == 0 else {
      throw .system(operation: "create the socket", path: path, code: errno)
    }
    guard fchmodat(folder, name, 0o600, 0) == 0, Foundation.listen(descriptor, 128) == 0 else {
      let code = errno
      unlinkat(folder, name, 0)
      throw .system(operation: "listen on", path: path, code: code)
    }
  }

  // MARK: - Parts

  private static func make(_ path: String) throws(ControlError) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    if descriptor < 0 { throw .system(operation: "make a socket for", path: path, code: errno) }
    return descriptor
  }

  private static func split(_ path: String) throws(ControlError) -> (folder: String, name: String) {
    let slash = path.lastIndex(of: "/")
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    guard !name.isEmpty, name.utf8.count <= maximumName else { throw .nameTooLong(path: path) }
    return (slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".", name)
  }

  /// What the path is called in an address: itself, or by way of its folder's descriptor.
  private static func address(
    _ name: String, in folder: Int32, _ path: String
  ) throws(ControlError) -> String {
    guard path.utf8.count > maximumPath else { return path }
    // Else it would look as if there were no socket.
    guard access("/proc/self/fd", X_OK) == 0 else {
      throw .system(operation: "reach without /proc, since it is so long, the path", path: path, code: errno)
    }
    return "/proc/self/fd/\(folder)/\(name)"
  }

  private static func withAddress<Result>(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    precondition(path.utf8.count <= maximumPath, "UnixSocket: \(path) is too long for an address")
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private static func connectionError(_ code: Int32, _ path: String) -> ControlError {
    switch code {
    case ENOENT, ECONNREFUSED, ENOTDIR, ENOTSOCK: .noServer(path: path)
    default: .system(operation: "connect to", path: path, code: code)
    }
  }
}

extension timeval {
  fileprivate init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
  }
}
