/// The queue's side of its record store: what has happened and could not be written yet, and when the store has grown enough for
/// a snapshot.
struct QueueStore {
  private let store: any RecordStore
  /// What has happened in any case, in order.
  private var unwritten: [QueueRecord] = []
  /// Bytes of the last snapshot.
  private var compactedLength = 0
  /// Bytes of submissions written since then: a snapshot has them too.
  private var submittedLength = 0

  init(_ store: any RecordStore) { self.store = store }

  /// Whether nothing can be written before there is a snapshot.
  var needsSnapshot: Bool { store.needsSnapshot }

  /// Whether a snapshot would be much shorter than what there is.
  var isCompactionDue: Bool {
    store.length - submittedLength > max(Self.smallestCompacted, 4 * compactedLength)
  }

  /// Whether what there is, whatever it holds, is worth the syncs of a snapshot.
  var isLong: Bool { store.length > Self.smallestCompacted }

  private static let smallestCompacted = 1 << 20

  /// Writes records before they count; throws where none of them is written.
  mutating func append(_ records: [QueueRecord]) throws {
    let encoded = try records.map { try $0.encoded() }
    try store.append(encoded)
    for (record, bytes) in zip(records, encoded) {
      if case .submitted = record { submittedLength += bytes.count }
    }
  }

  /// Takes note of what has happened already; `flush` writes it.
  mutating func note(_ record: QueueRecord) { unwritten.append(record) }

  /// Writes what was noted; throws where that is not possible now, and may be called again.
  ///
  /// - Parameter state: what all records add up to, the noted ones too.
  mutating func flush(_ state: QueueState) throws {
    if store.needsSnapshot { try compact(to: state) }
    guard !unwritten.isEmpty else { return }
    try store.append(try unwritten.map { try $0.encoded() })
    unwritten = []
  }

  /// Puts a snapshot in the place of all that is written and noted.
  mutating func compact(to state: QueueState) throws {
    // Also after a failure: a snapshot is not to be tried again at every record from now on.
    defer {
      compactedLength = store.length
      submittedLength = 0
    }
    try store.compact(try state.snapshot.map { try $0.encoded() })
    unwritten = []
  }
}
