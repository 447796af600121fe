import Synchronization

/// Files that are replaced as a whole: whatever happens, at the path is the old content or the new one, and
/// after `write` returned, the new one also survives a power failure.
///
/// The content is written aside, to a hidden file in the same folder, synced, renamed, and the folder synced.
/// When anything fails before the rename the hidden file is removed and the old content stands.
///
///     try DurableFile.write("experiment,variant\n", to: "results/mnist/curves.csv", in: files)
package enum DurableFile {
  /// Takes the content of a file piece by piece, so that large buffers need not be joined first.
  package struct Writer {
    private let file: OpenFile
    private let fileSystem: any FileSystem

    fileprivate init(_ file: OpenFile, in fileSystem: any FileSystem) {
      self.file = file
      self.fileSystem = fileSystem
    }

    /// Adds `bytes` to the file; none is fine.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
      try fileSystem.writeAll(file, bytes)
    }

    /// Adds `bytes` to the file.
    package func write(_ bytes: [UInt8]) throws(FileError) {
      try bytes.withUnsafeBufferPointer { buffer throws(FileError) in
        try write(UnsafeRawBufferPointer(buffer))
      }
    }
  }

  /// Replaces the file at `path` with what `body` writes. Throws `FileError`, or what `body` throws.
  ///
  /// An error from the last step, the folder's sync, leaves the new content in place, but a power failure may
  /// still bring the old one back: write again.
  package static func write(
    to path: String, in fileSystem: any FileSystem, _ body: (Writer) throws -> Void
  ) throws {
    let folder = FilePath.folder(of: path)
    let temporary = TemporaryNames.take(for: path)
    defer { TemporaryNames.giveBack(temporary) }
    do {
      let file = try fileSystem.open(temporary, .replace)
      do {
        try body(Writer(file, in: fileSystem))
        try fileSystem.synchronize(file)
      } catch {
        try? fileSystem.close(file)
        throw error
      }
      try fileSystem.close(file)
      try fileSystem.rename(temporary, to: path)
    } catch {
      try? fileSystem.remove(temporary)
      throw error
    }
    try fileSystem.synchronizeFolder(folder)
  }

  /// Replaces the file at `path` with `segments`, one after the other. Throws `FileError`.
  package static func write(
    _ segments: [UnsafeRawBufferPointer], to path: String, in fileSystem: any FileSystem
  ) throws {
    try write(to: path, in: fileSystem) { writer in
      for segment in segments { try writer.write(segment) }
    }
  }

  /// Replaces the file at `path` with `bytes`. Throws `FileError`.
  package static func write(_ bytes: [UInt8], to path: String, in fileSystem: any FileSystem) throws {
    try write(to: path, in: fileSystem) { try $0.write(bytes) }
  }

  /// Replaces the file at `path` with `text`, as UTF-8. Throws `FileError`.
  package static func write(_ text: String, to path: String, in fileSystem: any FileSystem) throws {
    try write(Array(text.utf8), to: path, in: fileSystem)
  }

  /// Whether `name` is that of a file written aside, left behind when its writer was killed.
  package static func isTemporary(_ name: String) -> Bool {
    name.hasPrefix(".") && name.contains(TemporaryNames.mark)
  }
}

/// The names of the files being written aside by this process.
///
/// A name does not change from one write to the next, so that what a killed process left behind is
/// overwritten by the next write of the same file rather than piling up; only two writes of one file at the
/// same time need two names.
private enum TemporaryNames {
  static let mark = ".partial-"

  private static let taken = Mutex<Set<String>>([])

  static func take(for path: String) -> String {
    let prefix = FilePath.join(FilePath.folder(of: path), "." + FilePath.name(of: path) + mark)
    return taken.withLock { taken in
      var number = 1
      while !taken.insert(prefix + String(number)).inserted { number += 1 }
      return prefix + String(number)
    }
  }

  static func giveBack(_ path: String) {
    taken.withLock { _ = $0.remove(path) }
  }
}
