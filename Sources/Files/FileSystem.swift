import Foundation

/// An open file of a `FileSystem`: a number that means something to that file system alone.
package struct OpenFile: Hashable, Sendable {
  package let number: Int32
  /// For messages.
  package let path: String

  package init(number: Int32, path: String) {
    self.number = number
    self.path = path
  }
}

/// How a file is opened.
package enum OpenMode: Sendable, Hashable, CaseIterable {
  /// For reading; the file must be there.
  case read
  /// For writing from the beginning: created, or emptied where it is there.
  case replace
  /// For writing, every write going to the end; created where it is missing.
  case append
}

/// The file operations that BitLab uses, as few and as small as the system calls behind them, so that a test
/// can make each single one fail.
///
/// What is built on them is in the extension and in `DurableFile`, `AppendingFile` and `CheckpointStore`.
package protocol FileSystem: Sendable {
  func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile
  /// Reads at the current position; 0 bytes at the end of the file.
  func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int
  /// Writes at least one byte of `bytes`, which are not empty, and returns how many it was: it may be fewer.
  func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int
  /// Returns once the file's content is on the device.
  func synchronize(_ file: OpenFile) throws(FileError)
  func truncate(_ file: OpenFile, to length: Int) throws(FileError)
  /// The file's length in bytes.
  func size(_ file: OpenFile) throws(FileError) -> Int
  /// Closes the file, also when it throws.
  func close(_ file: OpenFile) throws(FileError)

  /// Puts a file under another name, replacing what has that name, at once or not at all.
  func rename(_ path: String, to newPath: String) throws(FileError)
  /// Removes a file.
  func remove(_ path: String) throws(FileError)
  func exists(_ path: String) -> Bool
  /// Creates one folder whose parent is there; `false` where the folder was there already.
  func createFolder(_ path: String) throws(FileError) -> Bool
  /// Names of the files and folders in a folder, sorted.
  func list(_ path: String) throws(FileError) -> [String]
  /// Returns once the folder's entries (creations, renames, removals) are on the device.
  func synchronizeFolder(_ path: String) throws(FileError)
}

extension FileSystem {
  /// Writes all of `bytes`, in as many writes as it takes.
  package func writeAll(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = try write(file, rest)
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// The whole content of a file.
  package func readAll(_ path: String) throws(FileError) -> [UInt8] {
    let file = try open(path, .read)
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try readAll(file)
    } catch {
      try? close(file)
      throw error
    }
    try close(file)
    return bytes
  }

  private func readAll(_ file: OpenFile) throws(FileError) -> [UInt8] {
    // One byte more than the size, so that the read that finds the end needs no further room.
    var bytes = [UInt8](repeating: 0, count: try size(file) + 1)
    var count = 0
    while true {
      if count == bytes.count { bytes += [UInt8](repeating: 0, count: bytes.count) }
      let got = try bytes.withUnsafeMutableBufferPointer { buffer throws(FileError) in
        let rest = UnsafeMutableBufferPointer(rebasing: buffer[count...])
        return try read(file, into: UnsafeMutableRawBufferPointer(rest))
      }
      if got == 0 { break }
      count += got
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// The whole content of a text file; bytes that are not UTF-8 become replacement characters.
  package func readText(_ path: String) throws(FileError) -> String {
    String(decoding: try readAll(path), as: UTF8.self)
  }

  /// Creates a folder and those above it, as `mkdir -p`, each entry synced into its parent.
  package func createFolders(_ path: String) throws(FileError) {
    if path.isEmpty || exists(path) { return }
    let parent = FilePath.folder(of: path)
    if parent != path { try createFolders(parent) }
    if try createFolder(path) { try synchronizeFolder(parent) }
  }
}

/// Taking paths apart and putting them together, as text.
package enum FilePath {
  /// The folder that `path` is in: `.` for a bare name, `/` for the root.
  package static func folder(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : withoutTrailingSlashes(String(trimmed[..<slash]))
  }

  /// The last part of `path`.
  package static func name(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path)
    return trimmed.lastIndex(of: "/").map { String(trimmed[trimmed.index(after: $0)...]) } ?? trimmed
  }

  /// `name` in `folder`.
  package static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// A path as it is meant in `folder`: an absolute one as it is; in the process's own folder where `folder` is empty.
  package static func resolve(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") || folder.isEmpty ? path : join(folder, path)
  }

  /// Whether a regular file is there, at the end of all links.
  package static func isRegularFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// The path from the root on, without `.` and `..`.
  package static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  private static func withoutTrailingSlashes(_ path: String) -> String {
    var path = path
    while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}
