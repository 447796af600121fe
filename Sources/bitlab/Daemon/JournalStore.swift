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
    let (state, passedOver) = Self.state(replay.records, log: log)
    // A snapshot would be the end of what they say.
    if passedOver > 0 { log("the journal as it was is kept as \(try journal.keepCopy())") }
    return (JournalStore(journal: journal), state, replay.needsMending || passedOver > 0)
  }

  /// What records add up to, and how many were passed over; those that say nothing, or do not fit, are reported.
  static func state(
    _ records: [[UInt8]], log: (String) -> Void
  ) -> (state: QueueState, passedOver: Int) {
    var state = QueueState()
    var passedOver = 0
    for (index, bytes) in records.enumerated() {
      let record = try? QueueRecord(decoding: bytes)
      if let record, state.apply(record) { continue }
      passedOver += 1
      let problem = record == nil ? "is of another version" : "does not fit what was before"
      log("the journal's record \(index) \(problem): passed over")
    }
    return (state, passedOver)
  }

  /// What was damaged has been made up for.
  func mended() throws { try journal.mended() }

  func append(_ records: [[UInt8]]) throws { try journal.append(records) }
  func compact(_ records: [[UInt8]]) throws { try journal.compact(records) }
  var length: Int { journal.length }
}
