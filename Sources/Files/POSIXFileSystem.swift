import Foundation

/// The machine's own file system. Calls that a signal interrupts are repeated.
package struct POSIXFileSystem: FileSystem {
  package init() {}

  package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
    let operation: FileError.Operation = mode == .replace ? .create : .open
    // A pipe in a file's place might never give anything, nor let go of whoever opens it.
    if isPipe(path) { throw FileError(operation, path, code: ENOTSUP) }
    // Closed on exec, so that a child process neither keeps files open nor holds our locks.
    let flags =
      switch mode {
      case .read: O_RDONLY | O_CLOEXEC
      case .replace: O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
      // Reading too: finding the last whole row of a file that is continued takes a look at its end.
      case .append: O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC
      }
    let number = try retrying(operation, path) { Foundation.open(path, flags, 0o666) }
    return OpenFile(number: number, path: path)
  }

  package func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    try retrying(.read, file.path) { Foundation.read(file.number, buffer.baseAddress, buffer.count) }
  }

  package func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    precondition(!bytes.isEmpty, "write: no bytes for \(file.path)")
    let count = try retrying(.write, file.path) {
      Foundation.write(file.number, bytes.baseAddress, bytes.count)
    }
    // No file may take nothing without an error; were one to, the caller would try for ever.
    if count == 0 { throw FileError(.write, file.path, code: EIO) }
    return count
  }

  package func synchronize(_ file: OpenFile) throws(FileError) {
    try retrying(.synchronize, file.path) { fsync(file.number) }
  }

  package func truncate(_ file: OpenFile, to length: Int) throws(FileError) {
    try retrying(.truncate, file.path) { ftruncate(file.number, off_t(length)) }
  }

  package func size(_ file: OpenFile) throws(FileError) -> Int {
    var status = stat()
    try retrying(.measure, file.path) { fstat(file.number, &status) }
    return Int(status.st_size)
  }

  package func close(_ file: OpenFile) throws(FileError) {
    // After EINTR the descriptor is closed all the same: closing it again could hit another thread's file.
    if Foundation.close(file.number) != 0, errno != EINTR {
      throw FileError(.close, file.path, code: errno)
    }
  }

  package func rename(_ path: String, to newPath: String) throws(FileError) {
    try retrying(.rename, path) { Foundation.rename(path, newPath) }
  }

  package func remove(_ path: String) throws(FileError) {
    try retrying(.remove, path) { unlink(path) }
  }

  package func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
  }

  package func createFolder(_ path: String) throws(FileError) -> Bool {
    while mkdir(path, 0o777) != 0 {
      let code = errno
      if code == EINTR { continue }
      if code == EEXIST, isFolder(path) { return false }
      throw FileError(.createFolder, path, code: code)
    }
    return true
  }

  package func list(_ path: String) throws(FileError) -> [String] {
    guard let folder = opendir(path) else { throw FileError(.list, path, code: errno) }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else {
        if errno != 0 { throw FileError(.list, path, code: errno) }
        return names.sorted()
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  package func synchronizeFolder(_ path: String) throws(FileError) {
    let number = try retrying(.synchronizeFolder, path) {
      Foundation.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    defer { Foundation.close(number) }
    // Some network file systems cannot sync a folder and say EINVAL: nothing more can be done there.
    while fsync(number) != 0 {
      let code = errno
      if code == EINTR { continue }
      if code == EINVAL { return }
      throw FileError(.synchronizeFolder, path, code: code)
    }
  }

  private func isPipe(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }

  private func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The result of a system call that reports failure as a negative number, repeated while signals interrupt
  /// it.
  @discardableResult
  private func retrying<Result: SignedInteger>(
    _ operation: FileError.Operation, _ path: String, _ call: () -> Result
  ) throws(FileError) -> Result {
    while true {
      let result = call()
      if result >= 0 { return result }
      let code = errno
      if code != EINTR { throw FileError(operation, path, code: code) }
    }
  }
}
