/// The clocks' readings, passed in so that tests need not wait.
package struct SpoolTime: Hashable, Sendable {
  /// Never set back or forward.
  package var monotonic: Duration
  /// Since 1970, to compare with the times of files.
  package var wall: Duration

  package init(monotonic: Duration, wall: Duration) {
    self.monotonic = monotonic
    self.wall = wall
  }
}

/// Decides which entries of the watched folder are read, refused, mentioned, or waited for: no files, no clocks,
/// no threads.
///
/// Signals say that something happened to a name; `look` takes what is in the folder and returns the steps to
/// take, in order of name; `finished` takes how a reading went. Each version of a file is taken once.
///
/// When a file is ready:
/// - closed after writing, or moved in: at once, unless it is empty (many writers create first and write later);
/// - else as soon as it is known that nobody has it open for writing;
/// - else, where that cannot be known: once it was seen unchanged for `quietTime`, or is that old at first sight;
/// - known to be open for writing: when it is closed, or was seen unchanged for `openTime`.
package struct SpoolState: Sendable {
  /// How long files are waited for.
  package struct Settings: Hashable, Sendable {
    package var quietTime: Duration = .seconds(2)
    package var openTime: Duration = .seconds(60)
    /// A file this young may be written again without its time telling, since the system's clock for files
    /// ticks every few milliseconds.
    package var settleTime: Duration = .milliseconds(20)

    package init() {}
  }

  /// What the system tells of an entry.
  package enum Signal: Hashable, Sendable {
    case created, written, closed, movedIn
  }

  /// What must hold for a file to be taken, besides being what it was when looked at.
  package enum Condition: Hashable, Sendable {
    case knownToBeClosed, notKnownToBeOpen, any
  }

  /// What is to be done with an entry.
  package enum Step: Hashable, Sendable {
    case read(SpoolEntry, Condition)
    case refuse(SpoolEntry, SpoolRefusalReason)
    case mention(SpoolName)
  }

  /// How a reading ended.
  package enum Reading: Hashable, Sendable {
    /// Offered, or refused: this version is done with.
    case taken(SpoolEntry)
    /// It is open for writing, or may be.
    case open
    /// It changed meanwhile.
    case changed
    case missing
    /// Not the file's fault: the next rescan tries again.
    case failed
  }

  private struct Record: Sendable {
    var entry: SpoolEntry
    /// Since when it has been seen like this.
    var since: Duration
    var isComplete = false
    var isDone = false
    /// When to look again without being told to.
    var due: Duration?
  }

  private struct Pending: Sendable {
    var isComplete = false
    var hasArrived = false
  }

  package let settings: Settings
  private var records: [SpoolName: Record] = [:]
  private var pending: [SpoolName: Pending] = [:]

  package init(_ settings: Settings = Settings()) { self.settings = settings }

  package var hasSignals: Bool { !pending.isEmpty }

  /// When to look again at the latest, the rescan aside.
  package var nextDue: Duration? { records.values.lazy.compactMap(\.due).min() }

  /// The names that it is worth looking at now.
  package func names(at time: SpoolTime) -> Set<SpoolName> {
    var names = Set(pending.keys)
    for (name, record) in records {
      if let due = record.due, due <= time.monotonic { names.insert(name) }
    }
    return names
  }

  /// Takes note that something happened to a name.
  package mutating func signal(_ signal: Signal, _ name: SpoolName) {
    guard name.category != .ignored else { return }
    var state = pending[name] ?? Pending()
    state.isComplete = signal == .closed || signal == .movedIn
    if signal == .created || signal == .movedIn { state.hasArrived = true }
    pending[name] = state
  }

  /// Offers what has that name again, although it was offered before.
  package mutating func offerAgain(_ name: SpoolName, at time: SpoolTime) {
    guard var record = records[name] else { return }
    record.isDone = false
    record.due = time.monotonic
    records[name] = record
  }

  /// Takes what is in the folder: of everything, or, with `names`, of these alone.
  package mutating func look(at entries: [SpoolEntry], of names: Set<SpoolName>? = nil, _ time: SpoolTime)
    -> [Step]
  {
    let present = Set(entries.lazy.map(\.name))
    if let names {
      for name in names where !present.contains(name) {
        records[name] = nil
        pending[name] = nil
      }
    } else {
      records = records.filter { present.contains($0.key) }
      pending = pending.filter { present.contains($0.key) }
    }
    return entries.sorted { $0.name < $1.name }.compactMap { consider($0, time) }
  }

  /// Takes how reading went.
  package mutating func finished(_ name: SpoolName, _ reading: Reading, _ time: SpoolTime) {
    guard var record = records[name] else { return }
    switch reading {
    case .taken(let entry):
      record.entry = entry
      record.isDone = true
      record.due = nil
    case .open, .failed: break
    case .changed:
      record.since = time.monotonic
      record.due = time.monotonic + settings.settleTime
    case .missing:
      records[name] = nil
      return
    }
    records[name] = record
  }

  private mutating func consider(_ entry: SpoolEntry, _ time: SpoolTime) -> Step? {
    let category = entry.name.category
    if category == .ignored { return nil }
    let signal = pending.removeValue(forKey: entry.name)
    var record = record(of: entry, hasArrived: signal?.hasArrived ?? false, time)
    if let signal { record.isComplete = signal.isComplete }
    defer { records[entry.name] = record }

    if record.isDone { return nil }
    if category == .foreign {
      record.due = record.since + settings.quietTime
      guard record.due! <= time.monotonic else { return nil }
      record.isDone = true
      record.due = nil
      return .mention(entry.name)
    }
    if entry.kind != .regularFile || entry.name.text == nil {
      record.isDone = true
      record.due = nil
      return .refuse(entry, entry.kind == .regularFile ? .nameIsNotUTF8 : .notAFile(entry.kind))
    }
    let readiness = readiness(of: record, time)
    record.due = readiness.due
    return readiness.condition.map { .read(entry, $0) }
  }

  private func record(of entry: SpoolEntry, hasArrived: Bool, _ time: SpoolTime) -> Record {
    if let old = records[entry.name], old.entry.isSameVersion(as: entry) {
      // A copy that keeps the times may even get the inode of the one before; the time of change tells.
      if !hasArrived || old.entry.changed == entry.changed { return old }
    }
    return Record(entry: entry, since: time.monotonic)
  }

  private func readiness(of record: Record, _ time: SpoolTime) -> (condition: Condition?, due: Duration?) {
    let seen = time.monotonic - record.since
    let age = time.wall - record.entry.identity.modified
    let now = time.monotonic
    // A time in the future says nothing.
    if age >= .zero, age < settings.settleTime, seen < settings.settleTime {
      return (nil, now + settings.settleTime - age)
    }
    if seen >= settings.openTime { return (.any, nil) }
    let quietAt = min(
      record.since + settings.quietTime, age >= .zero ? now + settings.quietTime - age : .seconds(Int64.max))
    if quietAt <= now { return (.notKnownToBeOpen, record.since + settings.openTime) }
    if record.entry.identity.size == 0 { return (nil, quietAt) }
    return (record.isComplete ? .notKnownToBeOpen : .knownToBeClosed, quietAt)
  }
}
