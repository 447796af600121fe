import Dispatch
import Files
import Synchronization

/// The file in which every record that was acknowledged is found again, after a crash or a power failure too.
///
///     let (journal, replay) = try Journal.open("results/.bitlab/journal", in: files)
///     for record in replay.records { queue.apply(record) }
///     try journal.append([record])    // on the device from here on
///
/// Records are opaque bytes, none to `maximumRecordCount` of them; a longer one is the caller's mistake. They are
/// written one after the other on one Dispatch queue. What comes in while a sync is under way waits and shares the
/// next one, so that a hundred threads cost little more than one.
///
/// After a failure nothing of the group is acknowledged, and the next append tries anew: once the disk has room
/// again the journal goes on as if nothing had happened. `JournalFile` says how.
///
/// One process at a time may have a journal open; the lock of the results folder sees to it.
package final class Journal: Sendable {
  package typealias Completion = @Sendable (Result<Void, FileError>) -> Void

  private struct Request: Sendable {
    var work: Work
    var then: Completion
  }

  private enum Work: Sendable {
    case append([[UInt8]])
    case compact([[UInt8]])
  }

  private struct Size: Sendable {
    var length: Int
    var recordCount: Int
  }

  /// The longest record, 4 MiB.
  package static let maximumRecordCount = JournalFormat.maximumRecordCount

  package let path: String
  private let queue = DispatchQueue(label: "bitlab.journal", qos: .userInitiated)
  private let waiting = Mutex<[Request]>([])
  /// Only locked on `queue`, for as long as the device takes.
  private let file: Mutex<JournalFile>
  /// A copy of the file's, so that nobody who asks waits for the device.
  private let size: Mutex<Size>

  private init(_ file: JournalFile) {
    path = file.path
    size = Mutex(Size(length: file.content.bytes.count, recordCount: file.content.recordCount))
    self.file = Mutex(file)
  }

  deinit {
    file.withLock { $0.close() }
  }

  /// Opens the journal at `path`, in a folder that is there, or begins one, and returns what is in it.
  ///
  /// An incomplete last record is cut off. Where there is damage the journal is copied aside as it is, durably, and
  /// then replaced by all that is readable of it; from then on each opening says that it needs mending, until `mended` is
  /// called. What is replayed is on the device.
  ///
  /// Throws `FileError`, or `FileContentError` for a journal of a newer version, which is left alone; nothing is
  /// lost either way. It takes about twice the file's length of memory, one half of it, the acknowledged content,
  /// for as long as the journal is open.
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

  /// Keeps a copy of the file as it is beside it, and says where.
  package func keepCopy() throws -> String {
    try file.withLock { try $0.keepCopy() }
  }

  /// Bytes of the acknowledged content.
  package var length: Int { size.withLock { $0.length } }

  /// Acknowledged records, since the last compaction those of its snapshot included.
  package var recordCount: Int { size.withLock { $0.recordCount } }

  /// Appends `records` and says when they are on the device, or that they are not in the journal.
  ///
  /// `then` is called on the journal's queue, in the order of the calls of this method and `compact`: it should
  /// take little time, and may append, but not wait for it. No records are fine: `then` is called when its turn comes.
  package func append(_ records: [[UInt8]], then: @escaping Completion) {
    Self.check(records)
    enqueue(Request(work: .append(records), then: then))
  }

  /// Appends `records` and returns once they are on the device. Not to be called from a completion.
  package func append(_ records: [[UInt8]]) throws(FileError) {
    try wait { append(records, then: $0) }
  }

  /// Replaces the content by `records`, which have to stand for all that was appended before this call.
  ///
  /// What is appended from now on goes behind them. When it fails the old content is still the journal's, and what
  /// waits is appended to that. After the one failure that leaves this open, of the folder's sync, a crash
  /// before the next successful append may bring up either.
  package func compact(_ records: [[UInt8]], then: @escaping Completion) {
    Self.check(records)
    enqueue(Request(work: .compact(records), then: then))
  }

  /// Replaces the content by `records` and returns once that is on the device. Not to be called from a completion.
  package func compact(_ records: [[UInt8]]) throws(FileError) {
    try wait { compact(records, then: $0) }
  }

  private static func check(_ records: [[UInt8]]) {
    for record in records where record.count > maximumRecordCount {
      preconditionFailure("Journal: a record of \(record.count) bytes, at most \(maximumRecordCount) can be")
    }
  }

  private func wait(_ begin: (@escaping Completion) -> Void) throws(FileError) {
    dispatchPrecondition(condition: .notOnQueue(queue))
    let outcome = Outcome()
    begin { result in
      outcome.result.withLock { $0 = result }
      outcome.isThere.signal()
    }
    outcome.isThere.wait()
    try outcome.result.withLock { $0! }.get()
  }

  private final class Outcome: Sendable {
    let result = Mutex<Result<Void, FileError>?>(nil)
    let isThere = DispatchSemaphore(value: 0)
  }

  private func enqueue(_ request: Request) {
    waiting.withLock { $0.append(request) }
    queue.async { [self] in serveWaiting() }
  }

  /// Serves all that waits: the appends up to the next compaction together.
  private func serveWaiting() {
    let requests = waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    var rest = requests[...]
    while let first = rest.first {
      switch first.work {
      case .compact(let records):
        rest.removeFirst()
        finish([first], perform { file throws(FileError) in try file.compact(records) })
      case .append:
        let group = rest.prefix { if case .append = $0.work { true } else { false } }
        rest.removeFirst(group.count)
        let records = group.flatMap { request -> [[UInt8]] in
          if case .append(let records) = request.work { records } else { [] }
        }
        finish(group, perform { file throws(FileError) in try file.append(records) })
      }
    }
  }

  private func perform(_ work: (inout JournalFile) throws(FileError) -> Void) -> Result<Void, FileError> {
    file.withLock { file in
      do throws(FileError) {
        try work(&file)
      } catch {
        return .failure(error)
      }
      let content = file.content
      size.withLock { $0 = Size(length: content.bytes.count, recordCount: content.recordCount) }
      return .success(())
    }
  }

  private func finish(_ requests: ArraySlice<Request>, _ result: Result<Void, FileError>) {
    for request in requests { request.then(result) }
  }
}
