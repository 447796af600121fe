import Files
import Scheduler

/// The queue's journal, and what a start found in it.
struct JournalStore: RecordStore {
  private let journal: Journal

  /// Opens the journal and replays it. What was damaged is put aside by then; `log` gets a line for each such thing.
  static func open(
    _ path: String, in files: any FileSystem, log: (String) -> Void
  ) throws -> (store: JournalStore, state: QueueState, isDamaged: Bool) {
    let (journal, replay) = try Journal.open(path, in: files)
    if let bytes = replay.tornTail {
      log("the journal's last record was torn by a crash: \(bytes) bytes cut off")
    }
    for region in replay.damaged { log("the journal was damaged: \(region)") }
    for gap in replay.missing { log("the journal has lost records: \(gap)") }
    let isDamaged = !replay.damaged.isEmpty || !replay.missing.isEmpty
    return (JournalStore(journal: journal), Self.state(replay.records, log: log), isDamaged)
  }

  /// What records add up to; those that say nothing, or do not fit, are reported.
  static func state(_ records: [[UInt8]], log: (String) -> Void) -> QueueState {
    var state = QueueState()
    for (index, bytes) in records.enumerated() {
      guard let record = try? QueueRecord(decoding: bytes) else {
        log("the journal's record \(index) is of another version: passed over")
        continue
      }
      if !state.apply(record) {
        log("the journal's record \(index) does not fit what was before: passed over")
      }
    }
    return state
  }

  func append(_ records: [[UInt8]]) throws { try journal.append(records) }
  func compact(_ records: [[UInt8]]) throws { try journal.compact(records) }
  var length: Int { journal.length }
}
