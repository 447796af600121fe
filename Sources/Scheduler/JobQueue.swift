/// Which jobs run and which wait: the scheduler's state, without threads, time or files.
///
/// Order: higher priority first, then first come first served. Every method returns what is to be done about it, so
/// that the caller can do it after releasing whatever protects the queue.
package struct JobQueue<ID: Hashable & Sendable>: Sendable {
  /// Jobs that may run at once.
  package let slots: Int
  private var waiting: [Entry] = []
  private var nextSequence = 0
  package private(set) var running: Set<ID> = []
  /// Nothing more begins.
  package private(set) var isStopped = false

  private struct Entry: Sendable {
    var id: ID
    var priority: Int
    var sequence: Int

    func precedes(_ other: Entry) -> Bool {
      (-priority, sequence) < (-other.priority, other.sequence)
    }
  }

  package init(slots: Int) {
    precondition(slots > 0, "JobQueue: \(slots) slots")
    self.slots = slots
  }

  package var waitingCount: Int { waiting.count }

  /// Nothing runs and nothing will begin by itself.
  package var isIdle: Bool { running.isEmpty && (waiting.isEmpty || isStopped) }

  /// Adds a job; returns those to begin now.
  package mutating func submit(_ id: ID, priority: Int) -> [ID] {
    precondition(
      !running.contains(id) && !waiting.contains { $0.id == id }, "JobQueue: \(id) submitted twice")
    let entry = Entry(id: id, priority: priority, sequence: nextSequence)
    nextSequence += 1
    let place = waiting.firstIndex { entry.precedes($0) } ?? waiting.endIndex
    waiting.insert(entry, at: place)
    return begin()
  }

  /// Takes note that a job has ended; returns those to begin now.
  package mutating func ended(_ id: ID) -> [ID] {
    precondition(running.remove(id) != nil, "JobQueue: \(id) ended without running")
    return begin()
  }

  /// Begins nothing more. Returns the running jobs, to be asked to stop.
  package mutating func stop() -> Set<ID> {
    isStopped = true
    return running
  }

  private mutating func begin() -> [ID] {
    guard !isStopped else { return [] }
    let count = min(slots - running.count, waiting.count)
    let begun = waiting.prefix(max(0, count)).map(\.id)
    waiting.removeFirst(begun.count)
    running.formUnion(begun)
    return begun
  }
}
