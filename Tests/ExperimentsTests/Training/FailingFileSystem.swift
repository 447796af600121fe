import Files
import Synchronization

/// The real file system, but for one chosen operation, counted from 0, that fails, once or from then on; and it does not
/// wait for the device.
final class FailingFileSystem: FileSystem {
  private struct State {
    var count = 0
    var failed: FileError.Operation?
  }

  private let real = POSIXFileSystem()
  private let code: Int32
  private let number: Int
  private let persists: Bool
  private let only: Set<FileError.Operation>
  private let tears: Bool
  private let state = Mutex(State())

  /// - Parameters:
  ///   - only: the operations that count and can fail.
  ///   - tears: a write that fails has taken half of its bytes.
  init(
    _ code: Int32, at number: Int, persists: Bool = false,
    only: Set<FileError.Operation> = Set(FileError.Operation.allCases), tears: Bool = false
  ) {
    self.code = code
    self.number = number
    self.persists = persists
    self.only = only
    self.tears = tears
  }

  /// Nothing fails.
  convenience init() { self.init(0, at: .max) }

  /// The first operation that failed; nil when the chosen one was never reached.
  var failed: FileError.Operation? { state.withLock { $0.failed } }

  private func attempt(_ operation: FileError.Operation, _ path: String) throws(FileError) {
    let strikes = state.withLock { state in
      guard only.contains(operation) else { return false }
      defer { state.count += 1 }
      guard state.count == number || persists && state.count > number else { return false }
      state.failed = state.failed ?? operation
      return true
    }
    if strikes { throw FileError(operation, path, code: code) }
  }

  func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
    try attempt(mode == .replace ? .create : .open, path)
    return try real.open(path, mode)
  }

  func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    try attempt(.read, file.path)
    return try real.read(file, into: buffer)
  }

  func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    do throws(FileError) {
      try attempt(.write, file.path)
    } catch {
      if tears, bytes.count > 1 {
        _ = try real.write(file, UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]))
      }
      throw error
    }
    return try real.write(file, bytes)
  }

  func synchronize(_ file: OpenFile) throws(FileError) {
    try attempt(.synchronize, file.path)
  }

  func truncate(_ file: OpenFile, to length: Int) throws(FileError) {
    try attempt(.truncate, file.path)
    try real.truncate(file, to: length)
  }

  func size(_ file: OpenFile) throws(FileError) -> Int {
    try attempt(.measure, file.path)
    return try real.size(file)
  }

  func close(_ file: OpenFile) throws(FileError) {
    try real.close(file)
    try attempt(.close, file.path)
  }

  func rename(_ path: String, to newPath: String) throws(FileError) {
    try attempt(.rename, path)
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

  func synchronizeFolder(_ path: String) throws(FileError) {
    try attempt(.synchronizeFolder, path)
  }
}
