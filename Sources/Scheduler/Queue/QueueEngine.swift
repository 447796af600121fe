import Dispatch
import Foundation

/// The queue at work: takes submissions and commands, begins jobs as slots come free, and writes down everything before it
/// counts.
///
/// All decisions fall on one serial queue, on a `QueueState` that changes through journaled records alone. Jobs run on
/// threads of their own.
package final class QueueEngine<Executor: QueueExecutor>: @unchecked Sendable {
  // Sendable invariant: everything below `queue` is touched on it alone.
  private let queue = DispatchQueue(label: "bitlab.queue", qos: .userInitiated)
  private let executor: Executor
  private let store: any RecordStore
  private let log: @Sendable (String) -> Void
  private let delays: RetryDelays

  private var state: QueueState
  private var dispatcher: Dispatcher
  /// Waiting jobs that must not begin before a time.
  private var notBefore: [JobID: Date] = [:]
  /// What has happened but could not be written down yet.
  private var unrecorded: [QueueRecord] = []
  private var isStopping = false
  private var isDraining = false
  private var whenIdle: [@Sendable () -> Void] = []
  private var observers: [UUID: @Sendable () -> Void] = [:]
  private var compactedLength = 0

  /// - Parameters:
  ///   - state: what the store's records add up to.
  ///   - log: takes a line for the people who run the daemon.
  package init(
    _ state: QueueState, store: any RecordStore, executor: Executor, slots: Int,
    delays: RetryDelays = .init(),
    log: @escaping @Sendable (String) -> Void
  ) {
    self.state = state
    self.store = store
    self.executor = executor
    self.delays = delays
    self.log = log
    dispatcher = Dispatcher(slots: slots)
    compactedLength = store.length
  }

  // MARK: - Beginning and ending

  /// Takes note of the jobs that ran when the last process died, and begins what is due.
  package func start() {
    queue.sync {
      let died = state.jobs.filter { $0.value.status == .running }.map(\.key)
        .sorted { $0.description < $1.description }
      recordSurely(died.map { .died($0, progress: executor.progress(of: $0)) })
      for id in died {
        switch state.jobs[id]?.status {
        case .ended(let end):
          log("\(id): \(end.kind.rawValue)" + (end.problem.map { ": \($0)" } ?? ""))
          executor.settle(id, end)
        default:
          let deaths = state.jobs[id]?.deaths ?? 0
          log("\(id): was running when the process died; goes on" + (deaths > 1 ? " (death \(deaths))" : ""))
        }
      }
      for (id, entry) in state.jobs where entry.status == .queued { dispatcher.enqueue(id, in: state) }
      begin()
    }
  }

  /// Begins nothing more; asks what runs to stop, unless it is to drain. `then` is called when nothing runs.
  package func shutdown(drain: Bool, then: @escaping @Sendable () -> Void) {
    queue.async { [self] in
      isStopping = true
      isDraining = drain
      whenIdle.append(then)
      if !drain { for id in dispatcher.running { executor.askToStop(id, forGood: false) } }
      checkIdle()
    }
  }

  private func checkIdle() {
    guard isStopping, dispatcher.running.isEmpty else { return }
    for body in whenIdle { body() }
    whenIdle = []
  }

  private func begin() {
    guard !isStopping, unrecorded.isEmpty || flush() else { return }
    let ids = dispatcher.take(from: state)
    guard !ids.isEmpty else { return }
    do {
      try record(ids.map { .began($0) })
    } catch {
      log("\(error)")
      for id in ids {
        dispatcher.ended(id)
        delay(id, by: delays.disk)
      }
      return
    }
    for id in ids { launch(id) }
  }

  private func launch(_ id: JobID) {
    guard let submission = state.submissions[id.submission] else { return }
    DispatchQueue(label: "bitlab.run.\(id)", qos: .userInitiated).async { [self] in
      let outcome = executor.execute(id, of: submission)
      queue.async { [self] in ended(id, outcome) }
    }
  }

  private func ended(_ id: JobID, _ outcome: JobOutcome) {
    dispatcher.ended(id)
    let entry = state.jobs[id]
    switch outcome {
    case .ended(let end): recordSurely([.ended(id, end)])
    case .stopped, .machineFailed, .diskFull:
      if entry?.isBeingCancelled == true {
        recordSurely([.ended(id, JobEnd(.cancelled))])
      } else if entry?.status == .running {
        goOnLater(id, outcome)
      } else if entry?.status == .queued {
        // Resumed before it had stopped.
        dispatcher.enqueue(id, in: state)
      }
    }
    // Cancelled while it was pausing: what it wrote last says otherwise.
    if case .ended(let end) = state.jobs[id]?.status, outcome != .ended(end) { executor.settle(id, end) }
    begin()
    changed()
    checkIdle()
  }

  private func goOnLater(_ id: JobID, _ outcome: JobOutcome) {
    switch outcome {
    case .ended: return
    case .stopped:
      recordSurely([.requeued(id, problem: nil)])
      dispatcher.enqueue(id, in: state)
    case .diskFull(let problem):
      log("\(id): \(problem); tries again in \(Int(delays.disk)) seconds")
      recordSurely([.requeued(id, problem: problem)])
      delay(id, by: delays.disk)
    case .machineFailed(let problem):
      let retries = state.jobs[id]?.retries ?? 0
      guard retries < state.submissions[id.submission]?.maxRetries ?? 0 else {
        recordSurely([.ended(id, JobEnd(.failed, problem: problem))])
        return
      }
      let pause = delays.retry(retries)
      log("\(id): \(problem); tries again in \(Int(pause)) seconds")
      recordSurely([.retried(id, problem: problem)])
      delay(id, by: pause)
    }
  }

  private func delay(_ id: JobID, by seconds: Double) {
    notBefore[id] = Date(timeIntervalSinceNow: seconds)
    queue.asyncAfter(deadline: .now() + seconds) { [self] in
      guard notBefore.removeValue(forKey: id) != nil else { return }
      dispatcher.enqueue(id, in: state)
      begin()
    }
  }

  // MARK: - Records

  /// Makes records durable, then applies them.
  private func record(_ records: [QueueRecord]) throws {
    guard !records.isEmpty else { return }
    guard unrecorded.isEmpty || flush() else { throw StoreTrouble() }
    try store.append(try records.map { try $0.encoded() })
    for record in records { state.apply(record) }
    compactIfDue()
  }

  /// Applies what has happened in any case, and writes it down as soon as that is possible.
  private func recordSurely(_ records: [QueueRecord]) {
    guard !records.isEmpty else { return }
    for record in records { state.apply(record) }
    unrecorded += records
    if !flush() {
      queue.asyncAfter(deadline: .now() + delays.disk) { [self] in
        if flush() { begin() }
      }
    }
  }

  private func flush() -> Bool {
    guard !unrecorded.isEmpty else { return true }
    do {
      try store.append(try unrecorded.map { try $0.encoded() })
      unrecorded = []
      compactIfDue()
      return true
    } catch {
      log("\(error)")
      return false
    }
  }

  private struct StoreTrouble: Error, CustomStringConvertible {
    var description: String { "the journal cannot be written: see the daemon's log, and try again" }
  }

  private func compactIfDue() {
    guard store.length > max(1 << 20, 4 * compactedLength) else { return }
    do {
      try store.compact(try state.snapshot.map { try $0.encoded() })
    } catch {
      log("the journal was not compacted: \(error)")
    }
    // Also after a failure: not at every record from now on.
    compactedLength = store.length
  }

  // MARK: - For others

  /// Adds submissions; returns when they are durable.
  package func submit(_ submissions: [Submission]) throws {
    try queue.sync {
      for submission in submissions {
        precondition(
          state.submissions[submission.name] == nil, "QueueEngine: \(submission.name) submitted twice")
      }
      try record(submissions.map { .submitted($0) })
      for submission in submissions {
        for (id, _) in state.jobs(of: submission) { dispatcher.enqueue(id, in: state) }
      }
      begin()
      changed()
    }
  }

  /// Lets the jobs of a submission that failed or were cancelled go on. Returns which; those that completed or diverged
  /// are left alone.
  package func continueEnded(_ name: String) throws -> [JobID] {
    try queue.sync {
      guard let submission = state.submissions[name] else { return [] }
      let ids = state.jobs(of: submission).filter { $0.entry.mayGoOn }.map(\.id)
      try record(ids.map { .continued($0) })
      for id in ids { dispatcher.enqueue(id, in: state) }
      begin()
      if !ids.isEmpty { changed() }
      return ids
    }
  }

  /// The submission of that name, if any.
  package func submission(named name: String) -> Submission? { queue.sync { state.submissions[name] } }

  /// The submission's payload is kept elsewhere: the journal need not hold it.
  package func placed(_ name: String) {
    queue.async { [self] in
      guard state.submissions[name]?.payload != nil else { return }
      recordSurely([.placed(name)])
    }
  }

  /// Does what a person asked for to some jobs; says of each what became of it, in order.
  package func command(_ command: QueueCommand, _ ids: [JobID]) throws -> [QueueCommand.Answer] {
    try queue.sync {
      let answers = ids.map { command.answer($0, state.jobs[$0]) }
      if command == .restart {
        for answer in answers where answer.isEffective { try executor.reset(answer.id) }
      }
      try record(answers.compactMap(\.record))
      for answer in answers where answer.record != nil { followUp(command, answer.id) }
      begin()
      changed()
      return answers
    }
  }

  private func followUp(_ command: QueueCommand, _ id: JobID) {
    let isRunning = dispatcher.running.contains(id)
    switch command {
    case .pause:
      notBefore[id] = nil
      if isRunning { executor.askToStop(id, forGood: false) }
    case .cancel:
      notBefore[id] = nil
      if isRunning { executor.askToStop(id, forGood: true) } else { executor.settle(id, JobEnd(.cancelled)) }
    case .resume, .restart: if !isRunning { dispatcher.enqueue(id, in: state) }
    }
  }

  /// The state now, and for each waiting job why it waits.
  package func report() -> (state: QueueState, waiting: [JobID: String]) {
    queue.sync { (state, waitingReasons()) }
  }

  private func waitingReasons() -> [JobID: String] {
    var reasons: [JobID: String] = [:]
    let queued = state.jobs.filter { $0.value.status == .queued }
    let inOrder = queued.sorted { a, b in
      let (first, second) = (state.priority(of: a.key), state.priority(of: b.key))
      return first != second ? first > second : a.value.sequence < b.value.sequence
    }
    var ahead = 0
    for (id, entry) in inOrder {
      if let time = notBefore[id] {
        let seconds = max(0, Int(time.timeIntervalSinceNow.rounded(.up)))
        reasons[id] = "another try in \(seconds) s: \(entry.problem ?? "it failed")"
      } else if isStopping {
        reasons[id] = "the daemon to start again"
      } else if entry.isSuspect {
        reasons[id] = "all others: the process died \(entry.deaths) times while it ran, so it runs alone"
      } else if dispatcher.runsAlone {
        reasons[id] = "a run that runs alone"
      } else {
        let place = ahead == 0 ? "next" : "\(ahead) ahead"
        reasons[id] = "a free slot (\(dispatcher.running.count) of \(dispatcher.slots) in use, \(place))"
        ahead += 1
      }
    }
    return reasons
  }

  /// Calls `body` after every change, on the engine's queue: it must be quick.
  package func observe(_ body: @escaping @Sendable () -> Void) -> UUID {
    let token = UUID()
    queue.async { [self] in observers[token] = body }
    return token
  }

  package func stopObserving(_ token: UUID) { queue.async { [self] in observers[token] = nil } }

  private func changed() { for observer in observers.values { observer() } }
}

extension JobEntry {
  fileprivate var mayGoOn: Bool {
    if case .ended(let end) = status { end.kind == .failed || end.kind == .cancelled } else { false }
  }
}

/// How long to wait before trying again.
package struct RetryDelays: Sendable {
  /// Seconds between looks whether there is room on the disk.
  package var disk: Double
  /// Seconds before the first retry; each further one waits three times as long, an hour at most.
  package var first: Double

  package init(disk: Double = 10, first: Double = 5) {
    self.disk = disk
    self.first = first
  }

  func retry(_ count: Int) -> Double {
    min(3600, first * (0..<min(count, 16)).reduce(1) { product, _ in product * 3 })
  }
}
