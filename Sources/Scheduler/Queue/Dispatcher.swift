/// Decides which waiting jobs begin, and says of each why it waits.
///
/// Order: higher priority first, then first come first served; jobs that may have brought the process down come last and
/// run alone.
///
/// A job for which the machine has no room keeps its place in the order, and those behind it may begin meanwhile. Small ones
/// could do so for ever, one after the other. So only some may go past; then none behind it begins until those that run
/// have ended and given back what they had. Where even that does not make room, somebody else has it, and others may go
/// past again.
package struct Dispatcher: Sendable {
  /// Jobs that may run at once.
  package let slots: Int
  /// Waiting jobs in order; a candidate whose job no longer waits, or has been enqueued again since, is skipped when it comes
  /// up.
  private var waiting = PriorityHeap<Candidate>()
  private var suspects = PriorityHeap<Candidate>()
  /// Those that had no room when they were last looked at, in order.
  private var short: [Short] = []
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

  private struct Short {
    var candidate: Candidate
    var shortage: String
    var isOfAnotherJob: Bool
    /// Whether there may be room for it by now.
    var mayHaveRoom: Bool
    /// Jobs behind it that have begun since.
    var passed = 0
  }

  /// Jobs that may go past one that has no room.
  private var mostPassing: Int { 4 * slots }

  package init(slots: Int) {
    precondition(slots > 0, "Dispatcher: \(slots) slots")
    self.slots = slots
  }

  package mutating func enqueue(_ id: JobID, in state: QueueState) {
    guard let candidate = candidate(id, in: state) else { return }
    if state.jobs[id]?.isSuspect == true { suspects.insert(candidate) } else { waiting.insert(candidate) }
  }

  /// Enqueues a job that has just had no room.
  package mutating func enqueue(_ id: JobID, lacking shortage: Shortage, in state: QueueState) {
    guard let candidate = candidate(id, in: state) else { return }
    let place = short.firstIndex { candidate < $0.candidate } ?? short.count
    // What is counted may have become free since.
    short.insert(
      Short(
        candidate: candidate, shortage: shortage.text, isOfAnotherJob: shortage.isOfAnotherJob,
        mayHaveRoom: shortage.isCounted),
      at: place)
  }

  private mutating func candidate(_ id: JobID, in state: QueueState) -> Candidate? {
    guard let entry = state.jobs[id] else { return nil }
    defer { nextTicket += 1 }
    tickets[id] = nextTicket
    return Candidate(
      id: id, priority: state.priority(of: id), sequence: entry.sequence, ticket: nextTicket)
  }

  /// There may be room by now for those that had none.
  package mutating func lookForRoom() {
    for index in short.indices { short[index].mayHaveRoom = true }
  }

  /// Whether a job waits for room.
  package var isAnyShort: Bool { !short.isEmpty }

  /// What a waiting job has no room for; nil where it waits for something else.
  package func shortage(of id: JobID) -> String? {
    short.first { $0.candidate.id == id && tickets[id] == $0.candidate.ticket }?.shortage
  }

  /// The job without room that keeps those behind it back; nil where none does.
  package var holder: JobID? { short.first(where: keepsOthersBack)?.candidate.id }

  private func keepsOthersBack(_ short: Short) -> Bool {
    !short.isOfAnotherJob && short.passed >= mostPassing && !running.isEmpty
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
  ///
  /// - Parameter takeRoom: takes what a job that had no room needs; returns what it still lacks.
  package mutating func take(from state: QueueState, takeRoom: (JobID) -> String? = { _ in nil }) -> [JobID] {
    var begun: [JobID] = []
    guard loner == nil else { return [] }
    for stale in short where !isCurrent(stale.candidate, state) { forget(stale.candidate) }
    short = short.filter { isCurrent($0.candidate, state) }
    // Those without room that come before the next candidate have been asked, and come behind `asked`.
    var asked = 0
    while running.count < slots {
      if asked < short.count, waiting.first.map({ short[asked].candidate < $0 }) ?? true {
        if giveRoom(at: asked, takeRoom) {
          let candidate = short.remove(at: asked).candidate
          begin(candidate, past: asked, &begun)
        } else if keepsOthersBack(short[asked]) {
          break
        } else {
          // Nothing of the queue's own is left that could make room for it.
          if running.isEmpty { short[asked].passed = 0 }
          asked += 1
        }
      } else if let next = waiting.popFirst() {
        if isCurrent(next, state) { begin(next, past: asked, &begun) } else { forget(next) }
      } else {
        break
      }
    }
    while running.isEmpty, let next = suspects.popFirst() {
      if isCurrent(next, state) {
        begin(next, past: 0, &begun)
        loner = next.id
      } else {
        forget(next)
      }
    }
    return begun
  }

  private mutating func giveRoom(at index: Int, _ takeRoom: (JobID) -> String?) -> Bool {
    guard short[index].mayHaveRoom else { return false }
    short[index].mayHaveRoom = false
    guard let shortage = takeRoom(short[index].candidate.id) else { return true }
    short[index].shortage = shortage
    return false
  }

  /// - Parameter count: the first of those without room, which it goes past.
  private mutating func begin(_ candidate: Candidate, past count: Int, _ begun: inout [JobID]) {
    tickets[candidate.id] = nil
    tickets.shrink()
    for index in 0..<count { short[index].passed += 1 }
    running.insert(candidate.id)
    begun.append(candidate.id)
  }

  /// Whether the candidate's job still waits, and by this candidate.
  private func isCurrent(_ candidate: Candidate, _ state: QueueState) -> Bool {
    tickets[candidate.id] == candidate.ticket && state.jobs[candidate.id]?.status.isQueued == true
      && !running.contains(candidate.id)
  }

  private mutating func forget(_ candidate: Candidate) {
    if tickets[candidate.id] == candidate.ticket { tickets[candidate.id] = nil }
  }

  /// Whether nothing else may begin because a job runs alone.
  package var runsAlone: Bool { loner != nil }
}
