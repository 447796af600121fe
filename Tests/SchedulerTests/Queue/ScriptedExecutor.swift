import Dispatch
import Files
import Foundation
import Synchronization
import Testing

@testable import Scheduler

/// Runs jobs as a test tells it to.
final class ScriptedExecutor: QueueExecutor {
  struct State {
    var begun: [JobID] = []
    var stopsAsked: [JobID: StopReason] = [:]
    var settled: [JobID: JobEnd] = [:]
    var reset: [JobID] = []
    var gates: [JobID: [JobOutcome]] = [:]
    var prepared: Set<JobID> = []
    var recordedEnds: [JobID: JobEnd] = [:]
    /// What jobs lack when they are asked.
    var lacking: [JobID: String] = [:]
    var roomReturned: [JobID] = []
    /// Jobs that cannot be reset, and why.
    var resetProblems: [JobID: FileError] = [:]
  }

  let state = Mutex(State())
  /// Whether a job that is asked to stop does so at once, or when the test says.
  private let stopsWhenAsked: Bool
  private let condition = NSCondition()

  init(stopsWhenAsked: Bool = true) { self.stopsWhenAsked = stopsWhenAsked }

  /// Lets the next execution of a job end so.
  func finish(_ id: JobID, _ outcome: JobOutcome) {
    condition.lock()
    state.withLock { $0.gates[id, default: []].append(outcome) }
    condition.broadcast()
    condition.unlock()
  }

  func prepare(_ id: JobID) { state.withLock { _ = $0.prepared.insert(id) } }

  func execute(_ id: JobID, of submission: Submission, isRestart: Bool) -> JobOutcome {
    condition.lock()
    defer { condition.unlock() }
    state.withLock { $0.begun.append(id) }
    condition.broadcast()
    defer { state.withLock { _ = $0.prepared.remove(id) } }
    while true {
      let outcome = state.withLock { state -> JobOutcome? in
        guard state.gates[id]?.isEmpty == false else { return nil }
        return state.gates[id]!.removeFirst()
      }
      if let outcome { return outcome }
      condition.wait()
    }
  }

  func askToStop(_ id: JobID, _ reason: StopReason) {
    // As an executor would: what is not prepared cannot be asked.
    let isPrepared = state.withLock { state in
      if state.prepared.contains(id) { state.stopsAsked[id] = reason }
      return state.prepared.contains(id)
    }
    guard isPrepared else { return }
    if stopsWhenAsked { finish(id, .stopped) }
  }

  func takeRoom(for id: JobID) -> String? { state.withLock { $0.lacking[id] } }
  func returnRoom(of id: JobID) { state.withLock { $0.roomReturned.append(id) } }

  func progress(of id: JobID) -> Int? { nil }

  func recordedEnd(of id: JobID, of submission: Submission) -> JobEnd? {
    state.withLock { $0.recordedEnds[id] }
  }
  func reset(_ id: JobID) throws {
    let problem = state.withLock { state in
      state.reset.append(id)
      return state.resetProblems[id]
    }
    if let problem { throw problem }
  }
  func settle(_ id: JobID, of submission: Submission, _ end: JobEnd) {
    state.withLock { $0.settled[id] = end }
  }

  /// Waits until so many executions have begun.
  func waitForBegun(_ count: Int) -> [JobID] {
    condition.lock()
    defer { condition.unlock() }
    let deadline = Date(timeIntervalSinceNow: 60)
    while state.withLock({ $0.begun.count }) < count, condition.wait(until: deadline) {}
    return state.withLock { $0.begun }
  }
}

/// Keeps records in memory; can be told to refuse them.
final class MemoryStore: RecordStore {
  struct State {
    var records: [[UInt8]] = []
    var refuses = false
    /// Appending alone.
    var refusesToAppend = false
    var refusals = 0
    var needsSnapshot = false
  }

  struct Refusal: Error {}

  let state = Mutex(State())

  func append(_ records: [[UInt8]]) throws {
    try state.withLock {
      if $0.refuses || $0.refusesToAppend || $0.needsSnapshot {
        $0.refusals += 1
        throw Refusal()
      }
      $0.records += records
    }
  }

  func compact(_ records: [[UInt8]]) throws {
    try state.withLock {
      if $0.refuses {
        $0.refusals += 1
        throw Refusal()
      }
      $0.records = records
      $0.needsSnapshot = false
    }
  }

  var needsSnapshot: Bool { state.withLock { $0.needsSnapshot } }
  var length: Int { state.withLock { $0.records.reduce(0) { $0 + $1.count } } }

  /// What a process that starts now would read. No record may be passed over.
  var replayed: QueueState {
    QueueState(replaying: state.withLock { $0.records }) { Issue.record("\($0)") }
  }
}

/// A queue at work that tries again without much delay.
func startedEngine(
  _ executor: ScriptedExecutor, _ store: MemoryStore, _ state: QueueState = QueueState(), slots: Int = 1
) -> QueueEngine<ScriptedExecutor> {
  let engine = QueueEngine(
    state, store: store, executor: executor, slots: slots, delays: RetryDelays(disk: 0.01, first: 0.01)
  ) { _ in }
  engine.start()
  return engine
}

/// Waits until the engine's state satisfies `condition`.
func wait(
  _ engine: QueueEngine<ScriptedExecutor>, until condition: @escaping (QueueState) -> Bool,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let reached = DispatchSemaphore(value: 0)
  // The observer runs on the engine's queue, where a report would deadlock: it only wakes this thread.
  let token = engine.observe { _ in reached.signal() }
  defer { engine.stopObserving(token) }
  let deadline = DispatchTime.now() + 60
  while !condition(engine.report().state) {
    if reached.wait(timeout: min(deadline, .now() + 0.05)) == .timedOut, DispatchTime.now() >= deadline {
      Issue.record("not reached in 20 seconds", sourceLocation: sourceLocation)
      return
    }
  }
}

/// Told when a queue has stopped.
final class Stopped: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func signal() { semaphore.signal() }

  /// False after 20 seconds.
  func wait() -> Bool { semaphore.wait(timeout: .now() + 60) == .success }
}
