import Files
import Glibc

/// A journal's file: one operation at a time, each to its end.
///
/// After a failed sync nobody can say what the device holds: the system forgets that the pages were never written, so
/// that a second sync succeeds without them, and the next reader may get them from memory or find what was there before.
/// The same goes for a folder whose sync failed after a rename, and for a tail that cannot be cut off. In all these
/// cases the file is given up, and before anything else is appended a new one with a snapshot takes its place, written
/// aside, synced and renamed. A failed write is simpler: nothing was synced, so cutting its bytes off is enough, and
/// that takes no room on a full disk.
struct JournalFile: Sendable {
  let path: String
  /// Bytes, and records, of the acknowledged content.
  private(set) var length: Int
  private(set) var recordCount: Int
  private var nextSequence: UInt64

  private let fileSystem: any FileSystem
  /// Open for appending and `length` bytes long; `nil` when it was given up.
  private var file: OpenFile?

  private init(
    path: String, length: Int, recordCount: Int, nextSequence: UInt64, in fileSystem: any FileSystem
  ) {
    self.path = path
    self.length = length
    self.recordCount = recordCount
    self.nextSequence = nextSequence
    self.fileSystem = fileSystem
  }

  /// Whether a snapshot has to take the file's place before anything is appended.
  var needsSnapshot: Bool { file == nil || !fileSystem.exists(path) }

  /// Opens the journal at `path`, or begins one, and returns what is in it. Whoever calls this calls `close`.
  ///
  /// Throws `FileError`, or `FileContentError` for a journal of a newer version. Nothing is lost then: the file is
  /// as it was, or is repaired, with a copy of how it was.
  static func open(
    _ path: String, in fileSystem: any FileSystem
  ) throws -> (file: JournalFile, replay: JournalReplay) {
    try removeLeftovers(path, in: fileSystem)
    var replay = JournalReplay()
    var bytes = JournalFormat.bytes(of: [])
    var nextSequence: UInt64 = 1
    if fileSystem.exists(path) {
      bytes = try fileSystem.readAll(path)
      let reader = JournalReader(bytes)
      let contents = try read(reader, path)
      replay.records = contents.frames.map(reader.record)
      replay.missing = contents.missing
      replay.tornTail = contents.tornAt.map { bytes.count - $0 }
      if !contents.damage.isEmpty || contents.tornAt != nil {
        let copy = contents.damage.isEmpty ? nil : try keepCopy(of: bytes, path, in: fileSystem)
        replay.damaged = contents.damage.map {
          DamagedRegion(
            offset: $0.range.lowerBound, length: $0.range.count, problem: $0.problem, keptAs: copy ?? path)
        }
        // Before the damage is gone from the journal: whoever mends it may not get to the end.
        if contents.damage.isEmpty, let end = contents.tornAt {
          // A full disk must not keep the daemon from starting after a crash.
          try? DurableFile.write("", to: damageMark(path), in: fileSystem)
          bytes.removeLast(bytes.count - end)
        } else {
          try DurableFile.write("", to: damageMark(path), in: fileSystem)
          bytes = reader.repaired(contents)
          try DurableFile.write(bytes, to: path, in: fileSystem)
        }
      }
      nextSequence = contents.nextSequence
    } else {
      try DurableFile.write(bytes, to: path, in: fileSystem)
    }
    replay.needsMending =
      !replay.missing.isEmpty || replay.tornTail != nil || fileSystem.exists(damageMark(path))
    var file = JournalFile(
      path: path, length: bytes.count, recordCount: replay.records.count, nextSequence: nextSequence,
      in: fileSystem)
    try file.settle(bytes)
    return (file, replay)
  }

  /// Appends records with one write and one sync. When it throws, none of them is there, or, where not even the
  /// cutting off works, maybe some whole ones until a snapshot takes the file's place.
  mutating func append(_ records: [[UInt8]]) throws(FileError) {
    if records.isEmpty { return }
    guard let file, fileSystem.exists(path) else {
      giveUpFile()
      throw FileError(.open, path, code: ENOENT)
    }
    let frames = JournalFormat.frames(of: records, firstSequence: nextSequence)
    do throws(FileError) {
      try frames.withUnsafeBufferPointer { buffer throws(FileError) in
        try fileSystem.writeAll(file, UnsafeRawBufferPointer(buffer))
      }
    } catch {
      if (try? fileSystem.truncate(file, to: length)) == nil { giveUpFile() }
      throw error
    }
    do throws(FileError) {
      try fileSystem.synchronize(file)
    } catch {
      try? fileSystem.truncate(file, to: length)
      giveUpFile()
      throw error
    }
    length += frames.count
    recordCount += records.count
    nextSequence += UInt64(records.count)
  }

  /// Replaces the content by `records`. When it throws, the old content is still the journal's; only where the error
  /// was the folder's sync may a restart before the next success find the new one instead.
  mutating func compact(_ records: [[UInt8]]) throws(FileError) {
    let bytes = JournalFormat.bytes(of: records, firstSequence: nextSequence)
    do throws(FileError) {
      try replaceFile(with: bytes)
    } catch {
      // The name may stand for the new file by now.
      if error.operation == .rename || error.operation == .synchronizeFolder { giveUpFile() }
      throw error
    }
    length = bytes.count
    recordCount = records.count
    nextSequence += UInt64(records.count)
    giveUpFile()
    file = try? fileSystem.open(path, .append)
  }

  mutating func close() {
    giveUpFile()
  }

  /// What was damaged has been made up for.
  func forgetDamage() throws {
    let mark = Self.damageMark(path)
    guard fileSystem.exists(mark) else { return }
    try fileSystem.remove(mark)
    try fileSystem.synchronizeFolder(FilePath.folder(of: path))
  }

  /// Keeps a copy of the file as it is, and says where.
  func keepCopy() throws -> String {
    try Self.keepCopy(of: try fileSystem.readAll(path), path, in: fileSystem)
  }

  /// There while a damaged journal has not been mended.
  private static func damageMark(_ path: String) -> String { path + ".mending" }

  private mutating func giveUpFile() {
    if let file { try? fileSystem.close(file) }
    file = nil
  }

  private func replaceFile(with bytes: [UInt8]) throws(FileError) {
    do {
      try DurableFile.write(bytes, to: path, in: fileSystem)
    } catch let error as FileError {
      throw error
    } catch {
      preconditionFailure("JournalFile: \(error) is none of the file system's errors")
    }
  }

  // MARK: - Opening

  /// Opens the file, which begins with `content`, for appending, and makes sure that the content is on the device.
  private mutating func settle(_ content: [UInt8]) throws(FileError) {
    let file = try fileSystem.open(path, .append)
    self.file = file
    do throws(FileError) {
      if try fileSystem.size(file) > content.count { try fileSystem.truncate(file, to: content.count) }
      // A process that was killed may have left records that are in no more than the system's memory, and a file
      // whose name is not on the device yet. What is told as replayed must stay.
      try fileSystem.synchronize(file)
      try fileSystem.synchronizeFolder(FilePath.folder(of: path))
    } catch {
      giveUpFile()
      try replaceFile(with: content)
      self.file = try fileSystem.open(path, .append)
    }
  }

  private static func read(_ reader: JournalReader, _ path: String) throws -> JournalReader.Contents {
    do {
      return try reader.read()
    } catch {
      throw FileContentError(
        path: path,
        problem: "is of version \(error.version) of the format; this program reads \(JournalFormat.version)",
        remedy: "go on with the program that wrote it")
    }
  }

  /// Writes `bytes` to a new file beside the journal. A copy that an earlier, failed opening made of the same bytes
  /// is as good: on a full disk, tries must not fill what room is made.
  private static func keepCopy(
    of bytes: [UInt8], _ path: String, in fileSystem: any FileSystem
  ) throws -> String {
    let folder = FilePath.folder(of: path)
    let prefix = path + ".damaged-"
    let numbers = try fileSystem.list(folder).compactMap { name -> Int? in
      let path = FilePath.join(folder, name)
      return path.hasPrefix(prefix) ? Int(path.dropFirst(prefix.count)) : nil
    }
    let last = numbers.max() ?? 0
    if last > 0, try fileSystem.readAll(prefix + String(last)) == bytes {
      try fileSystem.synchronizeFolder(folder)
      return prefix + String(last)
    }
    let copy = prefix + String(last + 1)
    try DurableFile.write(bytes, to: copy, in: fileSystem)
    return copy
  }

  /// Removes what a process that was killed had begun to write aside.
  private static func removeLeftovers(_ path: String, in fileSystem: any FileSystem) throws {
    let folder = FilePath.folder(of: path)
    for name in try fileSystem.list(folder)
    where DurableFile.isTemporary(name) && name.hasPrefix(".\(FilePath.name(of: path)).") {
      try? fileSystem.remove(FilePath.join(folder, name))
    }
  }
}
