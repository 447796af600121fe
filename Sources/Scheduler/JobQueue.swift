/// Which jobs run and which wait: the scheduler's state, without threads, time or files.
///
/// Order: higher priority first, then first come first served. Every method returns what is to be done about it, so
/// that the caller can do it after releasing whatever protects the queue. With n jobs waiting, submitting one or
/// beginning the next takes O(log n).
package struct JobQueue<ID: Hashable & Sendable>: Sendable {
  /// Jobs that may run at once.
  package let slots: Int
  /// A binary heap: the job that begins next is the first, and each precedes those at `2 * place + 1` and `+ 2`.
  private var heap: [Entry] = []
  private var waiting: Set<ID> = []
  private var nextSequence = 0
  package private(set) var running: Set<ID> = []
  /// Nothing more begins.
  package private(set) var isStopped = false

  private struct Entry: Sendable {
    var id: ID
    var priority: Int
    var sequence: Int

    func precedes(_ other: Entry) -> Bool {
      priority != other.priority ? priority > other.priority : sequence < other.sequence
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
    precondition(!running.contains(id) && waiting.insert(id).inserted, "JobQueue: \(id) submitted twice")
    heap.append(Entry(id: id, priority: priority, sequence: nextSequence))
    nextSequence += 1
    rise(from: heap.endIndex - 1)
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
    var begun: [ID] = []
    while !isStopped, running.count < slots, let id = takeFirst() {
      waiting.remove(id)
      running.insert(id)
      begun.append(id)
    }
    return begun
  }

  // MARK: - The heap

  private mutating func takeFirst() -> ID? {
    guard let last = heap.popLast() else { return nil }
    guard let first = heap.first else { return last.id }
    heap[0] = last
    sink(from: 0)
    return first.id
  }

  private mutating func rise(from start: Int) {
    var place = start
    while place > 0, heap[place].precedes(heap[(place - 1) / 2]) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private mutating func sink(from start: Int) {
    var place = start
    while true {
      var next = place
      for child in [2 * place + 1, 2 * place + 2] where child < heap.count && heap[child].precedes(heap[next])
      {
        next = child
      }
      if next == place { return }
      heap.swapAt(place, next)
      place = next
    }
  }
}
