/// Decides which waiting jobs begin, and says of each why it waits.
///
/// Order: higher priority first, then first come first served; jobs that may have brought the process down come last and
/// run alone.
package struct Dispatcher: Sendable {
  /// Jobs that may run at once.
  package let slots: Int
  /// Waiting jobs in order; a candidate whose job no longer waits, or has been enqueued again since, is skipped when it comes
  /// up.
  private var waiting = PriorityHeap<Candidate>()
  private var suspects = PriorityHeap<Candidate>()
  /// The one candidate of each waiting job that counts, by its ticket.
  private var tickets: [JobID: Int] = [:]
  private var nextTicket = 0
  package private(set) var running: Set<JobID> = []
  /// The running job that runs alone, if any.
  private var loner: JobID?

  struct Candidate: Sendable, Comparable {
    var id: JobID
    var priority: Int
    var sequence: Int
    var ticket: Int

    static func < (a: Self, b: Self) -> Bool { (-a.priority, a.sequence) < (-b.priority, b.sequence) }
  }

  package init(slots: Int) {
    precondition(slots > 0, "Dispatcher: \(slots) slots")
    self.slots = slots
  }

  package mutating func enqueue(_ id: JobID, in state: QueueState) {
    guard let entry = state.jobs[id] else { return }
    let candidate = Candidate(
      id: id, priority: state.priority(of: id), sequence: entry.sequence, ticket: nextTicket)
    tickets[id] = nextTicket
    nextTicket += 1
    if entry.isSuspect { suspects.insert(candidate) } else { waiting.insert(candidate) }
  }

  package mutating func ended(_ id: JobID) {
    running.remove(id)
    if loner == id { loner = nil }
  }

  /// Other jobs may run beside it from now on.
  package mutating func needsNotRunAlone(_ id: JobID) {
    if loner == id { loner = nil }
  }

  /// Takes the jobs that are to begin now.
  package mutating func take(from state: QueueState) -> [JobID] {
    var begun: [JobID] = []
    guard loner == nil else { return [] }
    while running.count < slots, let next = waiting.popFirst() {
      if isWaiting(next, state) {
        running.insert(next.id)
        begun.append(next.id)
      }
    }
    while running.isEmpty, let next = suspects.popFirst() {
      if isWaiting(next, state) {
        running.insert(next.id)
        loner = next.id
        begun.append(next.id)
      }
    }
    return begun
  }

  private mutating func isWaiting(_ candidate: Candidate, _ state: QueueState) -> Bool {
    guard tickets[candidate.id] == candidate.ticket else { return false }
    tickets[candidate.id] = nil
    return state.jobs[candidate.id]?.status == .queued && !running.contains(candidate.id)
  }

  /// Whether nothing else may begin because a job runs alone.
  package var runsAlone: Bool { loner != nil }
}
