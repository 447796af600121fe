import Files
import Foundation
import Synchronization
import Testing

/// The real file system, but for one chosen operation, counted from 0, that fails, once or from then on.
final class FaultyFileSystem: FileSystem {
  enum Fault: Hashable, Sendable {
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
  }

  private let real = POSIXFileSystem()
  private let fault: Fault
  private let number: Int
  private let persists: Bool
  private let state = Mutex(State())

  init(_ fault: Fault, at number: Int, persists: Bool = false) {
    self.fault = fault
    self.number = number
    self.persists = persists
  }

  /// What has failed so far; empty when the chosen operation was never reached.
  var failed: [FileError.Operation] { state.withLock { $0.failed } }

  /// Files that are open now.
  var openCount: Int { state.withLock { $0.open.count } }

  private func strikes(_ operation: FileError.Operation) -> Bool {
    state.withLock { state in
      defer { state.count += 1 }
      let strikes = state.count == number || persists && state.count > number
      if strikes { state.failed.append(operation) }
      return strikes
    }
  }

  private func attempt(_ operation: FileError.Operation, _ path: String) throws(FileError) {
    guard strikes(operation) else { return }
    switch fault {
    case .error(let code), .tornWrite(let code): throw FileError(operation, path, code: code)
    case .shortWrite: break
    }
  }

  func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
    try attempt(mode == .replace ? .create : .open, path)
    let file = try real.open(path, mode)
    state.withLock { _ = $0.open.insert(file.number) }
    return file
  }

  func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    try attempt(.read, file.path)
    return try real.read(file, into: buffer)
  }

  func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    guard strikes(.write) else { return try real.write(file, bytes) }
    let half = UnsafeRawBufferPointer(rebasing: bytes[..<max(1, bytes.count / 2)])
    switch fault {
    case .shortWrite: return try real.write(file, half)
    case .error(let code): throw FileError(.write, file.path, code: code)
    case .tornWrite(let code):
      _ = try real.write(file, half)
      throw FileError(.write, file.path, code: code)
    }
  }

  func synchronize(_ file: OpenFile) throws(FileError) {
    try attempt(.synchronize, file.path)
    try real.synchronize(file)
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
    // Closing twice would close the file of another thread that got the number in between.
    let wasOpen = state.withLock { $0.open.remove(file.number) != nil }
    #expect(wasOpen, "\(file.path) was closed twice, after \(failed)")
    if wasOpen { try real.close(file) }
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
    try real.synchronizeFolder(path)
  }
}

extension FaultyFileSystem {
  /// Runs `body` with every operation failing in every way, one after the other, until none is left to fail.
  static func forEveryFault(
    _ body: (_ fileSystem: FaultyFileSystem, _ isPassing: Bool) throws -> Void
  ) throws -> Int {
    var runs = 0
    for fault in [Fault.error(ENOSPC), .error(EIO), .tornWrite(ENOSPC), .shortWrite] {
      for persists in [false, true] {
        for number in 0... {
          let fileSystem = FaultyFileSystem(fault, at: number, persists: persists)
          try body(fileSystem, !persists)
          #expect(fileSystem.openCount == 0, "a file was left open, after \(fileSystem.failed)")
          if fileSystem.failed.isEmpty { break }
          runs += 1
        }
      }
    }
    return runs
  }
}
