import Dispatch
import Files
import Foundation

/// The queue at work: takes submissions and commands, begins jobs as slots come free, and writes down everything before it
/// counts.
///
/// All decisions fall on one serial queue, on a `QueueState` that changes through journaled records alone. Jobs run on
/// threads of their own.
package final class QueueEngine<Executor: QueueExecutor>: @unchecked Sendable {
  // Sendable invariant: everything that can change is touched on `queue` alone.
  // What `+Commands` and `+Observers` need is not private.
  let queue = DispatchQueue(label: "bitlab.queue", qos: .userInitiated)
  let executor: Executor
  private var store: QueueStore
  let log: @Sendable (String) -> Void
  private let delays: RetryDelays

  var state: QueueState
  var dispatcher: Dispatcher
  /// Waiting jobs that must not begin before a time.
  var notBefore: [JobID: Date] = [:]
  /// Submissions that have ended and are concluded, of which a job that was cancelled has not stopped yet.
  var forgottenWhenStopped: Set<String> = []
  var forgottenJobs = ForgottenJobs()
  /// Jobs that are being cancelled and are wanted again.
  var goOnWhenStopped: Set<JobID> = []
  /// Why the store takes nothing now, as it was logged.
  private(set) var storeProblem: String?
  private var isStoreTriedLater = false
  private var isStarted = false
  /// Whether there is a look to come for those that wait for room.
  private var isLookingForRoom = false
  var isStopping = false
  private var whenIdle: [@Sendable () -> Void] = []
  /// Jobs whose standing has changed since the observers were told.
  var changedJobs: Set<JobID> = []
  var observers: [UUID: Observer] = [:]
  var waiters: [UUID: Waiter] = [:]

  package typealias Observer = @Sendable (QueueChange) -> Void

  /// Somebody who waits for jobs to end.
  struct Waiter {
    let jobs: Set<JobID>
    /// Those that have not ended.
    var open: Set<JobID>
    let then: @Sendable ([JobID: JobEnd]) -> Void

    mutating func take(_ job: JobID, hasEnded: Bool) {
      guard jobs.contains(job) else { return }
      // One that was restarted is waited for again.
      if hasEnded { open.remove(job) } else { open.insert(job) }
    }
  }

  /// - Parameters:
  ///   - state: what the store's records add up to.
  ///   - log: takes a line for the people who run the daemon.
  package init(
    _ state: QueueState, store: any RecordStore, executor: Executor, slots: Int,
    delays: RetryDelays = .init(),
    log: @escaping @Sendable (String) -> Void
  ) {
    self.state = state
    self.store = QueueStore(store)
    self.executor = executor
    self.delays = delays
    self.log = log
    dispatcher = Dispatcher(slots: slots)
  }

  // MARK: - Beginning and ending

  /// Takes note of the jobs that ran when the last process died, and begins what is due. Before, nothing begins.
  package func start() {
    serve {
      let died = state.jobs.filter { $0.value.status.isRunning }.map(\.key)
        .sorted { $0.description < $1.description }
      recordSurely(died.map { recordOfDeath($0) })
      for id in died {
        switch state.jobs[id]?.status {
        case .ended(let end): if recordedEnd(id) != end { settle(id, end) }
        default:
          let deaths = state.jobs[id]?.deaths ?? 0
          log("\(id): was running when the process died; goes on" + (deaths > 1 ? " (death \(deaths))" : ""))
        }
      }
      takeEndsOfOthers()
      recordSurely(state.concluded.map { .forgotten($0) })
      // What has gathered since the last snapshot; later only what comes on top is looked at.
      if store.isLong { compactNow() }
      isStarted = true
      for (id, entry) in state.jobs where entry.status.isQueued { enqueue(id) }
      begin()
    }
  }

  /// Somebody else may have brought jobs to their end since the last process: those that were left where they are for good, as
  /// far as the queue knew. One that begins finds out by itself.
  private func takeEndsOfOthers() {
    let left = state.jobs.filter { $0.value.isLeftAlone }.sorted { $0.value.sequence < $1.value.sequence }
    for (id, entry) in left {
      guard let end = recordedEnd(id) else { continue }
      recordSurely((entry.status.hasEnded ? [.continued(id)] : []) + [.ended(id, end)])
      log("\(id): \(end.kind.rawValue) by another process")
    }
  }

  /// What is to be said of a job that ran when the process died: it may have got to its end.
  private func recordOfDeath(_ id: JobID) -> QueueRecord {
    recordedEnd(id).map { .ended(id, $0) } ?? .died(id, progress: executor.progress(of: id))
  }

  private func recordedEnd(_ id: JobID) -> JobEnd? {
    state.submissions[id.submission].flatMap { executor.recordedEnd(of: id, of: $0) }
  }

  /// A job that runs has got on and kept what it did. From any thread.
  package func progressed(_ id: JobID) {
    serveLater { [self] in
      guard let entry = state.jobs[id], entry.deaths > 0, entry.status.isRunning else { return }
      recordSurely([.progressed(id)])
      log("\(id): has got on, so its deaths no longer count")
      dispatcher.needsNotRunAlone(id)
      begin()
    }
  }

  /// Replaces the store's records by what they add up to.
  package func compact() { serve { compactNow() } }

  /// Begins nothing more; asks what runs to stop, unless it is to drain. `then` is called when nothing runs.
  package func shutdown(drain: Bool, then: @escaping @Sendable () -> Void) {
    queue.async { [self] in
      isStopping = true
      whenIdle.append(then)
      if !drain {
        // What stops since somebody paused or cancelled it stops for that reason.
        for id in dispatcher.running where state.jobs[id]?.status.isRunning == true {
          if state.jobs[id]?.status.isBeingCancelled == false { executor.askToStop(id, .shutdown) }
        }
      }
      checkIdle()
    }
  }

  private func checkIdle() {
    guard isStopping, dispatcher.running.isEmpty else { return }
    for body in whenIdle { body() }
    whenIdle = []
  }

  /// Takes its turn on the queue, and tells the observers what came of it.
  func serve<Result>(_ body: () throws -> Result) rethrows -> Result {
    try queue.sync {
      defer { tellObservers() }
      return try body()
    }
  }

  func serveLater(after seconds: Double = 0, _ body: @escaping @Sendable () -> Void) {
    queue.asyncAfter(deadline: .now() + seconds) { [weak self] in
      body()
      self?.tellObservers()
    }
  }

  /// Lets a job begin when its turn comes.
  func enqueue(_ id: JobID) {
    // The start takes all that is queued.
    if isStarted { dispatcher.enqueue(id, in: state) }
  }

  func begin() {
    guard isStarted, !isStopping, flush() else { return }
    let taken = dispatcher.take(from: state) { executor.takeRoom(for: $0) }
    guard !taken.isEmpty else { return }
    let ids = taken.filter(isReset)
    do {
      try record(ids.map { .began($0) })
    } catch {
      log("\(error)")
      for id in ids { putBack(id) }
      return
    }
    for id in ids { launch(id) }
    // What could not be reset has left its slot.
    if ids.count < taken.count { begin() }
  }

  /// Forgets what a job has done that begins from nothing: before the record that it began, so that a process that dies in
  /// between does it again. False where that cannot be done; then the job waits for room on the disk, or has failed.
  private func isReset(_ id: JobID) -> Bool {
    guard state.jobs[id]?.status.start == .fromNothing else { return true }
    do {
      try executor.reset(id)
      return true
    } catch {
      log("\(id): cannot begin from nothing: \(error)")
      if (error as? FileError)?.isDiskFull == true, delays.waitsForDisk {
        putBack(id)
      } else {
        dispatcher.ended(id)
        executor.returnRoom(of: id)
        let end = JobEnd(.failed, problem: "cannot begin from nothing: \(error)")
        recordSurely([.ended(id, end)])
        settle(id, end)
      }
      return false
    }
  }

  /// Lets a job that was to begin wait for the disk.
  private func putBack(_ id: JobID) {
    dispatcher.ended(id)
    executor.returnRoom(of: id)
    delay(id, by: delays.disk)
  }

  private func launch(_ id: JobID) {
    guard let submission = state.submissions[id.submission] else { return }
    // Here, where whoever wants it to stop has to come by, and not on its own thread.
    executor.prepare(id)
    let isRestart = state.jobs[id]?.isRestart ?? false
    DispatchQueue(label: "bitlab.run.\(id)", qos: .userInitiated).async { [self] in
      let outcome = executor.execute(id, of: submission, isRestart: isRestart)
      serveLater { [self] in ended(id, outcome) }
    }
  }

  private func ended(_ id: JobID, _ outcome: JobOutcome) {
    dispatcher.ended(id)
    if !outcome.isNoRoom { dispatcher.lookForRoom() }
    let entry = state.jobs[id]
    switch outcome {
    case .ended(let end): recordSurely([.ended(id, end)])
    case .stopped, .machineFailed, .diskFull, .noRoom:
      if entry?.status.isBeingCancelled == true {
        recordSurely([.ended(id, JobEnd(.cancelled))])
      } else if entry?.status.isRunning == true {
        goOnLater(id, outcome)
      } else if entry?.status.isQueued == true {
        // Resumed before it had stopped.
        enqueue(id)
      }
    }
    // Cancelled while it was pausing: what it wrote last says otherwise.
    if case .ended(let end) = state.jobs[id]?.status, outcome != .ended(end) { settle(id, end) }
    if goOnWhenStopped.remove(id) != nil, state.jobs[id]?.status == .ended(JobEnd(.cancelled)) {
      recordSurely([.continued(id)])
      enqueue(id)
    }
    if forgottenWhenStopped.remove(id.submission) != nil { concluded(id.submission) }
    begin()
    checkIdle()
  }

  func settle(_ id: JobID, _ end: JobEnd) {
    if let submission = state.submissions[id.submission] { executor.settle(id, of: submission, end) }
  }

  private func goOnLater(_ id: JobID, _ outcome: JobOutcome) {
    switch outcome {
    case .ended: return
    case .stopped:
      recordSurely([.requeued(id, problem: nil)])
      enqueue(id)
    case .diskFull(let problem) where delays.waitsForDisk:
      log("\(id): waits for room on the disk, looking again in \(Int(delays.disk)) s: \(problem)")
      recordSurely([.requeued(id, problem: JobEnd.brief(problem))])
      delay(id, by: delays.disk)
    case .diskFull(let problem): recordSurely([.ended(id, JobEnd(.failed, problem: problem))])
    case .noRoom(let shortage): waitForRoom(id, shortage)
    case .machineFailed(let problem):
      let retries = state.jobs[id]?.retries ?? 0
      let most = state.submissions[id.submission]?.maxRetries ?? 0
      guard retries < most else {
        recordSurely([.ended(id, JobEnd(.failed, problem: problem))])
        return
      }
      let pause = delays.retry(retries)
      log("\(id): failed: \(problem): trying again in \(Int(pause)) s, \(retries + 1) of \(most)")
      recordSurely([.retried(id, problem: JobEnd.brief(problem))])
      delay(id, by: pause)
    }
  }

  /// Lets a job wait until it has room, and others that have it begin meanwhile.
  private func waitForRoom(_ id: JobID, _ shortage: Shortage) {
    let problem = JobEntry.waiting + shortage.text
    log("\(id): \(problem)")
    recordSurely([.requeued(id, problem: JobEnd.brief(problem))])
    if state.jobs[id]?.isSuspect == true {
      // It ran alone: only others than the queue's jobs can give back what it lacks.
      delay(id, by: delays.room)
    } else {
      dispatcher.enqueue(id, lacking: shortage, in: state)
      lookForRoomLater()
    }
  }

  private func lookForRoomLater() {
    guard !isLookingForRoom else { return }
    isLookingForRoom = true
    serveLater(after: delays.room) { [weak self] in
      guard let self else { return }
      isLookingForRoom = false
      guard dispatcher.isAnyShort else { return }
      dispatcher.lookForRoom()
      begin()
      lookForRoomLater()
    }
  }

  private func delay(_ id: JobID, by seconds: Double) {
    let time = Date(timeIntervalSinceNow: seconds)
    notBefore[id] = time
    serveLater(after: seconds) { [weak self] in
      guard let self else { return }
      // It may have been paused meanwhile, and have a later time by now.
      guard notBefore[id] == time else { return }
      notBefore[id] = nil
      enqueue(id)
      begin()
    }
  }

  // MARK: - Records

  /// Makes records durable, then applies them. One that no longer fits the state is left out: the journal has only what a
  /// replay accepts.
  func record(_ records: [QueueRecord]) throws {
    guard !records.isEmpty else { return }
    guard flush() else { throw StoreTrouble(problem: storeProblem ?? "the daemon's log says why") }
    if records.count == 1 {
      guard state.accepts(records[0]) else { return }
      try append(records)
      state.apply(records[0])
      changedJobs.formUnion(records[0].jobs)
    } else {
      // Each may follow from the one before. The copy is of references, until the first change.
      var next = state
      let fitting = records.filter { next.apply($0) }
      try append(fitting)
      state = next
      for record in fitting { changedJobs.formUnion(record.jobs) }
    }
    compactIfDue()
  }

  /// Applies what has happened in any case, and writes it down as soon as that is possible.
  func recordSurely(_ records: [QueueRecord]) {
    for record in records where state.apply(record) {
      changedJobs.formUnion(record.jobs)
      store.note(record)
    }
    _ = flush()
  }

  private func append(_ records: [QueueRecord]) throws {
    do {
      try store.append(records)
    } catch {
      // The file may have been given up: a new one is to be made also if nobody asks for anything more.
      if store.needsSnapshot { tryStoreLater() }
      throw error
    }
  }

  /// Writes down what has happened; false where that is not possible now, and is tried again until it is.
  private func flush() -> Bool {
    do {
      try store.flush(state)
      compactIfDue()
      if storeProblem != nil { log("the journal can be written again") }
      storeProblem = nil
      return true
    } catch {
      // Once: it may last for hours.
      if storeProblem != "\(error)" { log("\(error): tried again until it works") }
      storeProblem = "\(error)"
      tryStoreLater()
      return false
    }
  }

  private func tryStoreLater() {
    guard !isStoreTriedLater else { return }
    isStoreTriedLater = true
    serveLater(after: delays.disk) { [weak self] in
      guard let self else { return }
      isStoreTriedLater = false
      if flush() { begin() }
    }
  }

  private struct StoreTrouble: Error, CustomStringConvertible {
    let problem: String
    var description: String { "the journal cannot be written: \(problem)" }
  }

  private func compactIfDue() {
    if store.isCompactionDue { compactNow() }
  }

  private func compactNow() {
    do {
      try store.compact(to: state)
    } catch {
      log("the journal was not compacted: \(error)")
    }
  }
}

extension JobEntry {
  /// Paused, failed or cancelled, and not to begin from nothing: what there is of it is its own.
  fileprivate var isLeftAlone: Bool {
    switch status {
    case .paused(let start): start != .fromNothing
    case .ended(let end): end.kind == .failed || end.kind == .cancelled
    case .queued, .running: false
    }
  }
}
