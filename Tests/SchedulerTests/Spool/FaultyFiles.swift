import Files
import Foundation
import Synchronization

/// The real file system, but for one chosen operation, counted from 0, that fails, and with something that
/// happens just before a rename.
final class FaultyFiles: FileSystem {
  private let real = POSIXFileSystem()
  private let failing: Range<Int>
  private let beforeRename: @Sendable (_ path: String) -> Void
  private let state = Mutex((count: 0, failed: [FileError.Operation]()))

  /// With `persists`, everything after the operation fails too, as in a process that was killed.
  init(
    failing number: Int? = nil, persists: Bool = false,
    beforeRename: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    failing = number.map { $0..<(persists ? Int.max : $0 + 1) } ?? 0..<0
    self.beforeRename = beforeRename
  }

  /// Empty when the chosen operation was never reached.
  var failed: [FileError.Operation] { state.withLock { $0.failed } }

  private func attempt(_ operation: FileError.Operation, _ path: String) throws(FileError) {
    let fails = state.withLock { state in
      defer { state.count += 1 }
      if failing.contains(state.count) { state.failed.append(operation) }
      return failing.contains(state.count)
    }
    if fails { throw FileError(operation, path, code: EIO) }
  }

  func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
    try attempt(.open, path)
    return try real.open(path, mode)
  }
  func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    try real.read(file, into: buffer)
  }
  func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    try attempt(.write, file.path)
    return try real.write(file, bytes)
  }
  func synchronize(_ file: OpenFile) throws(FileError) { try attempt(.synchronize, file.path) }
  func truncate(_ file: OpenFile, to length: Int) throws(FileError) { try real.truncate(file, to: length) }
  func size(_ file: OpenFile) throws(FileError) -> Int { try real.size(file) }
  func close(_ file: OpenFile) throws(FileError) { try real.close(file) }
  func rename(_ path: String, to newPath: String) throws(FileError) {
    try attempt(.rename, path)
    beforeRename(path)
    try real.rename(path, to: newPath)
  }
  func remove(_ path: String) throws(FileError) {
    try attempt(.remove, path)
    try real.remove(path)
  }
  func exists(_ path: String) -> Bool { real.exists(path) }
  func createFolder(_ path: String) throws(FileError) -> Bool {
    try attempt(.createFolder, path)
    return try real.createFolder(path)
  }
  func list(_ path: String) throws(FileError) -> [String] {
    try attempt(.list, path)
    return try real.list(path)
  }
  func synchronizeFolder(_ path: String) throws(FileError) { try attempt(.synchronizeFolder, path) }
}
