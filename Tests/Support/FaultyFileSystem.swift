import Files
import Synchronization

/// The real file system, but for one chosen operation, counted from 0, that fails, once or from then on.
package final class FaultyFileSystem: FileSystem {
  package enum Fault: Hashable, Sendable {
    case error(Int32)
    /// A write takes half of its bytes and then fails.
    case tornWrite(Int32)
    /// A write takes half of its bytes and says so; other operations work.
    case shortWrite
  }

  private struct State {
    var count = 0
    var failed: [FileError.Operation] = []
    var open: Set<Int32> = []
    var closedTwice: [String] = []
    var isBroken = false
    var isHealed = false
  }

  private let real = POSIXFileSystem()
  private let fault: Fault
  private let number: Int
  private let persists: Bool
  private let only: Set<FileError.Operation>
  private let folder: String
  private let waitsForDevice: Bool
  private let beforeRename: @Sendable (_ path: String) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - only: the operations that count and can fail.
  ///   - folder: only what is under this path counts and can fail.
  ///   - waitsForDevice: whether a sync is one; without, tests are faster.
  ///   - beforeRename: happens just before a rename.
  package init(
    _ fault: Fault, at number: Int, persists: Bool = false,
    only: Set<FileError.Operation> = Set(FileError.Operation.allCases),
    failingUnder folder: String = "", waitsForDevice: Bool = false,
    beforeRename: @escaping @Sendable (_ path: String) -> Void = { _ in }
  ) {
    self.fault = fault
    self.number = number
    self.persists = persists
    self.only = only
    self.folder = folder
    self.waitsForDevice = waitsForDevice
    self.beforeRename = beforeRename
  }

  /// Nothing fails.
  package convenience init(beforeRename: @escaping @Sendable (_ path: String) -> Void = { _ in }) {
    self.init(.error(0), at: .max, beforeRename: beforeRename)
  }

  /// What has failed so far; empty when the chosen operation was never reached.
  package var failed: [FileError.Operation] { state.withLock { $0.failed } }

  /// Operations so far that could have failed.
  package var count: Int { state.withLock { $0.count } }

  /// Files that are open now.
  package var openCount: Int { state.withLock { $0.open.count } }

  /// Files that were closed when they were not open: that would close the file of another thread that got the number.
  package var closedTwice: [String] { state.withLock { $0.closedTwice } }

  /// Everything that can fail does so from now on.
  package func breakDown() { state.withLock { $0.isBroken = true } }

  /// Nothing fails from now on.
  package func heal() { state.withLock { $0.isHealed = true } }

  private func strikes(_ operation: FileError.Operation, _ path: String) -> Bool {
    state.withLock { state in
      guard only.contains(operation), path.hasPrefix(folder), !state.isHealed else { return false }
      defer { state.count += 1 }
      let strikes = state.isBroken || state.count == number || persists && state.count > number
      if strikes { state.failed.append(operation) }
      return strikes
    }
  }

  private func attempt(_ operation: FileError.Operation, _ path: String) throws(FileError) {
    guard strikes(operation, path) else { return }
    switch fault {
    case .error(let code), .tornWrite(let code): throw FileError(operation, path, code: code)
    case .shortWrite: break
    }
  }

  package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
    try attempt(mode == .replace ? .create : .open, path)
    let file = try real.open(path, mode)
    state.withLock { _ = $0.open.insert(file.number) }
    return file
  }

  package func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    try attempt(.read, file.path)
    return try real.read(file, into: buffer)
  }

  package func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    guard strikes(.write, file.path) else { return try real.write(file, bytes) }
    let half = UnsafeRawBufferPointer(rebasing: bytes[..<max(1, bytes.count / 2)])
    switch fault {
    case .shortWrite: return try real.write(file, half)
    case .error(let code): throw FileError(.write, file.path, code: code)
    case .tornWrite(let code):
      _ = try real.write(file, half)
      throw FileError(.write, file.path, code: code)
    }
  }

  package func synchronize(_ file: OpenFile) throws(FileError) {
    try attempt(.synchronize, file.path)
    if waitsForDevice { try real.synchronize(file) }
  }

  package func truncate(_ file: OpenFile, to length: Int) throws(FileError) {
    try attempt(.truncate, file.path)
    try real.truncate(file, to: length)
  }

  package func size(_ file: OpenFile) throws(FileError) -> Int {
    try attempt(.measure, file.path)
    return try real.size(file)
  }

  package func close(_ file: OpenFile) throws(FileError) {
    let wasOpen = state.withLock { state in
      if state.open.remove(file.number) != nil { return true }
      state.closedTwice.append(file.path)
      return false
    }
    if wasOpen { try real.close(file) }
    try attempt(.close, file.path)
  }

  package func rename(_ path: String, to newPath: String) throws(FileError) {
    try attempt(.rename, path)
    beforeRename(path)
    try real.rename(path, to: newPath)
  }

  package func remove(_ path: String) throws(FileError) {
    try attempt(.remove, path)
    try real.remove(path)
  }

  package func exists(_ path: String) -> Bool { real.exists(path) }

  package func createFolder(_ path: String) throws(FileError) -> Bool {
    try attempt(.createFolder, path)
    return try real.createFolder(path)
  }

  package func list(_ path: String) throws(FileError) -> [String] {
    try attempt(.list, path)
    return try real.list(path)
  }

  package func synchronizeFolder(_ path: String) throws(FileError) {
    try attempt(.synchronizeFolder, path)
    if waitsForDevice { try real.synchronizeFolder(path) }
  }
}
