import Foundation

/// A file that grows by whole rows: curves, steps, logs.
///
/// Rows are appended without a sync, so that they are cheap and visible to whoever reads along. What makes
/// them durable is the order at a checkpoint: `sync()` first, then a checkpoint that records `rows`. A
/// resumed run sees whether the file still has them, opens it with `.cutTo(length)` and so drops every row that the
/// checkpoint does not know.
///
/// Not for use by two threads at once.
package final class AppendingFile {
  /// What becomes of rows that are already there.
  package enum Beginning: Sendable, Hashable {
    /// Keep so many bytes and drop the rest; a file with fewer has lost rows, which is an error.
    case cutTo(Int)
    /// Keep all rows; a last one without its line feed was torn by a crash and is dropped.
    case afterLastWholeRow
  }

  package let path: String
  /// Bytes in the file, all of them in whole appends.
  package private(set) var length: Int
  /// CRC-32 of these bytes.
  private var checksum: UInt32

  private let file: OpenFile
  private let fileSystem: any FileSystem
  /// A failed append left bytes behind `length` that could not be cut off yet.
  private var hasDebris = false
  /// The file's entry in its folder has to be synced once too: it may be new.
  private var entryIsSynced = false
  /// The first failed sync. The system drops what it could not write, so a later sync that succeeds would say
  /// nothing about those rows.
  private var syncFailure: FileError?

  /// Opens `path`, creating it unless rows are expected in it.
  ///
  /// Throws `FileError`, or `FileContentError` where the file is shorter than `.cutTo` expects.
  package init(_ path: String, _ beginning: Beginning, in fileSystem: any FileSystem) throws {
    if case .cutTo(let expected) = beginning, expected > 0, !fileSystem.exists(path) {
      throw Self.lostRows(path, found: "is missing", expected: expected)
    }
    let file = try fileSystem.open(path, .append)
    let length: Int
    let checksum: UInt32
    do {
      let size = try fileSystem.size(file)
      switch beginning {
      case .cutTo(let expected):
        precondition(expected >= 0, "AppendingFile: cannot cut \(path) to \(expected) bytes")
        if size < expected { throw Self.lostRows(path, found: "is \(size) bytes long", expected: expected) }
        length = expected
        checksum = try fileSystem.checksum(of: file, first: length).checksum
      case .afterLastWholeRow:
        let bytes = size == 0 ? [] : try fileSystem.readAll(path)
        length = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        checksum = bytes[..<length].withUnsafeBytes { CRC32.checksum(of: $0) }
      }
      if size > length { try fileSystem.truncate(file, to: length) }
    } catch {
      try? fileSystem.close(file)
      throw error
    }
    // Only now, since a complete object would be torn down, and the file closed twice, by a throw.
    self.path = path
    self.fileSystem = fileSystem
    self.file = file
    self.length = length
    self.checksum = checksum
  }

  /// What a checkpoint has to know of the file as it is now.
  package var rows: AppendedRows { AppendedRows(length: length, checksum: checksum) }

  deinit {
    try? fileSystem.close(file)
  }

  /// Appends one or more whole rows, line feeds included.
  ///
  /// When it throws, the file holds what it held before: the part that was written is cut off, at the latest
  /// by the next append.
  package func append(_ bytes: [UInt8]) throws(FileError) {
    if hasDebris {
      try fileSystem.truncate(file, to: length)
      hasDebris = false
    }
    do throws(FileError) {
      try bytes.withUnsafeBufferPointer { buffer throws(FileError) in
        try fileSystem.writeAll(file, UnsafeRawBufferPointer(buffer))
      }
    } catch {
      hasDebris = true
      if (try? fileSystem.truncate(file, to: length)) != nil { hasDebris = false }
      throw error
    }
    length += bytes.count
    checksum = bytes.withUnsafeBytes { CRC32.checksum(of: $0, continuing: checksum) }
  }

  /// Appends one or more whole rows, line feeds included, as UTF-8.
  package func append(_ text: String) throws(FileError) {
    try append(Array(text.utf8))
  }

  /// Returns once all rows are on the device. After it threw once it always throws: open the file anew, cut
  /// to the length that the last checkpoint recorded.
  package func sync() throws(FileError) {
    if let syncFailure { throw syncFailure }
    do throws(FileError) {
      if hasDebris {
        try fileSystem.truncate(file, to: length)
        hasDebris = false
      }
      try fileSystem.synchronize(file)
      if !entryIsSynced {
        try fileSystem.synchronizeFolder(FilePath.folder(of: path))
        entryIsSynced = true
      }
    } catch {
      syncFailure = error
      throw error
    }
  }

  private static func lostRows(_ path: String, found: String, expected: Int) -> FileContentError {
    FileContentError(
      path: path, problem: "\(found), but the checkpoint counts on \(expected) bytes of rows",
      remedy: "put the file back, or remove the run's folder to begin the run again")
  }
}
