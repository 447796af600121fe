import Files
import Foundation
import Synchronization

/// The real file system, which calls out after every rename and remembers what would be on the device.
final class WatchedFileSystem: FileSystem {
  private let real = POSIXFileSystem()
  private let synchronized = Mutex<[String: Int]>([:])
  private let renamed: @Sendable (_ newPath: String, WatchedFileSystem) -> Void

  /// - Parameter renamed: called when a file has got a new name, on the thread that gave it.
  init(renamed: @escaping @Sendable (_ newPath: String, WatchedFileSystem) -> Void) {
    self.renamed = renamed
  }

  /// Copies a run's folder as a crash at this moment would leave it.
  ///
  /// - Parameter losesUnsynced: rows that were not synced are gone, as after a power failure; else all are there, as
  ///   after a kill.
  func copy(_ folder: String, to copy: String, losesUnsynced: Bool) throws {
    try FileManager.default.copyItem(atPath: folder, toPath: copy)
    guard losesUnsynced else { return }
    for name in try real.list(copy) where name.hasSuffix(".csv") || name.hasSuffix(".log") {
      let length = synchronized.withLock { $0[FilePath.join(folder, name)] ?? 0 }
      let file = try real.open(FilePath.join(copy, name), .append)
      try real.truncate(file, to: length)
      try real.close(file)
    }
  }

  func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile { try real.open(path, mode) }
  func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    try real.read(file, into: buffer)
  }
  func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    try real.write(file, bytes)
  }
  func synchronize(_ file: OpenFile) throws(FileError) {
    let size = try real.size(file)
    synchronized.withLock { $0[file.path] = size }
  }
  func truncate(_ file: OpenFile, to length: Int) throws(FileError) { try real.truncate(file, to: length) }
  func size(_ file: OpenFile) throws(FileError) -> Int { try real.size(file) }
  func close(_ file: OpenFile) throws(FileError) { try real.close(file) }
  func rename(_ path: String, to newPath: String) throws(FileError) {
    try real.rename(path, to: newPath)
    renamed(newPath, self)
  }
  func remove(_ path: String) throws(FileError) { try real.remove(path) }
  func exists(_ path: String) -> Bool { real.exists(path) }
  func createFolder(_ path: String) throws(FileError) -> Bool { try real.createFolder(path) }
  func list(_ path: String) throws(FileError) -> [String] { try real.list(path) }
  func synchronizeFolder(_ path: String) throws(FileError) {}
}
