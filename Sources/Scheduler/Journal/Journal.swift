import Files
import Synchronization

/// The file in which every record that was acknowledged is found again, after a crash or a power failure too.
///
///     let (journal, replay) = try Journal.open("results/.bitlab/journal", in: files)
///     for record in replay.records { queue.apply(record) }
///     try journal.append([record])    // on the device from here on
///
/// Records are opaque bytes, none to `maximumRecordBytes` of them. A call returns when they are on the device; calls from
/// several threads take turns.
///
/// After a failure nothing of the call is acknowledged, and the next one tries anew: once the disk has room again the
/// journal goes on as if nothing had happened. The journal does not keep what it has written. Where the file cannot be
/// trusted any more, `needsSnapshot` says so, and `compact` makes a new one of what the caller knows. `JournalFile` says
/// when that is.
///
/// One process at a time may have a journal open; the lock of the results folder sees to it.
package final class Journal: RecordStore {
  /// The longest record, 4 MiB.
  package static let maximumRecordBytes = JournalFormat.maximumRecordBytes

  package let path: String
  private let file: Mutex<JournalFile>

  private init(_ file: JournalFile) {
    path = file.path
    self.file = Mutex(file)
  }

  deinit {
    file.withLock { $0.close() }
  }

  /// Opens the journal at `path`, in a folder that is there, or begins one, and returns what is in it.
  ///
  /// An incomplete last record is cut off. Where there is damage the journal is copied aside as it is, durably, and
  /// then replaced by all that is readable of it. After either, each opening says that the journal needs mending, until
  /// `mended` is called. What is replayed is on the device.
  ///
  /// Throws `FileError`, or `FileContentError` for a journal of a newer version, which is left alone; nothing is
  /// lost either way.
  package static func open(
    _ path: String, in fileSystem: any FileSystem
  ) throws -> (journal: Journal, replay: JournalReplay) {
    let (file, replay) = try JournalFile.open(path, in: fileSystem)
    return (Journal(file), replay)
  }

  /// Whoever opened the journal has made up for what it lost: it does not need mending any more. Throws `FileError`; the next
  /// opening says again that it does.
  package func mended() throws {
    try file.withLock { try $0.forgetDamage() }
  }

  /// Keeps a copy of the file as it is beside it, and says where. Throws `FileError`.
  package func keepCopy() throws -> String {
    try file.withLock { try $0.keepCopy() }
  }

  /// Bytes of the acknowledged content.
  package var length: Int { file.withLock { $0.length } }

  /// Acknowledged records, since the last compaction those of its snapshot included.
  package var recordCount: Int { file.withLock { $0.recordCount } }

  /// Whether nothing can be appended before `compact` has made a new file: this one was given up after a failure, or
  /// somebody removed it.
  package var needsSnapshot: Bool { file.withLock { $0.needsSnapshot } }

  /// Appends `records`, all of them with one sync. Not while `needsSnapshot`. Throws `FileError`; then none is acknowledged.
  package func append(_ records: [[UInt8]]) throws(FileError) {
    Self.check(records)
    try file.withLock { file throws(FileError) in try file.append(records) }
  }

  /// Replaces the content by `records`, which have to stand for all that was appended before.
  ///
  /// When it throws `FileError` the old content is still the journal's. After the one failure that leaves this open, of the
  /// folder's sync, a crash before the next success may bring up either.
  package func compact(_ records: [[UInt8]]) throws(FileError) {
    Self.check(records)
    try file.withLock { file throws(FileError) in try file.compact(records) }
  }

  private static func check(_ records: [[UInt8]]) {
    for record in records where record.count > maximumRecordBytes {
      preconditionFailure("Journal: a record of \(record.count) bytes, at most \(maximumRecordBytes) can be")
    }
  }
}

extension Journal {
  /// The records that a journal's bytes hold, for whoever only looks: nothing is mended.
  ///
  /// Throws `FileContentError` for a journal of another version; `path` is for that.
  package static func records(in bytes: [UInt8], path: String) throws -> [[UInt8]] {
    let reader = JournalReader(bytes)
    do {
      return try reader.read().frames.map(reader.record)
    } catch {
      throw FileContentError(
        path: path, problem: "is of version \(error.version) of the format",
        remedy: "look with the program that wrote it")
    }
  }
}
