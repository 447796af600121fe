import Dispatch
import Testing

@testable import Scheduler

/// Jobs for which the machine has no room: others go past, but not for ever.
struct ShortageTests {
  private static let memory = Shortage("2 GB of memory", isCounted: true)

  /// A queue of the jobs, some of them found to have no room.
  private struct Queue {
    var state = QueueState()
    var dispatcher: Dispatcher
    var lacking: [JobID: String] = [:]
    /// Jobs that were asked whether there is room.
    var asked: [JobID] = []

    init(slots: Int, _ submissions: [Submission]) {
      dispatcher = Dispatcher(slots: slots)
      for submission in submissions { state.apply(.submitted(submission)) }
      for id in state.jobs.keys { dispatcher.enqueue(id, in: state) }
    }

    mutating func take() -> [JobID] {
      var asked: [JobID] = []
      let taken = dispatcher.take(from: state) { [lacking] id in
        asked.append(id)
        return lacking[id]
      }
      self.asked = asked
      for id in taken { state.apply(.began(id)) }
      return taken
    }

    /// The job has begun, and found that there is no room.
    mutating func findNoRoom(_ id: JobID, _ shortage: Shortage = memory) {
      lacking[id] = shortage.text
      dispatcher.ended(id)
      state.apply(.requeued(id, problem: shortage.text))
      dispatcher.enqueue(id, lacking: shortage, in: state)
    }

    mutating func end(_ id: JobID) {
      dispatcher.ended(id)
      state.apply(.ended(id, JobEnd(.completed)))
      dispatcher.lookForRoom()
    }
  }

  @Test func smallerOnesGoPastAndItIsFirstWhenThereIsRoom() {
    var queue = Queue(slots: 2, [submission("large"), submission("a", jobs: 3)])
    #expect(queue.take() == [id("large"), id("a")])
    queue.findNoRoom(id("large"))
    #expect(queue.take() == [id("a", 1)])
    #expect(queue.dispatcher.shortage(of: id("large")) == "2 GB of memory")
    queue.lacking = [:]
    queue.end(id("a"))
    #expect(queue.take() == [id("large")])
    #expect(queue.dispatcher.shortage(of: id("large")) == nil)
  }

  /// A stream of small jobs would keep the memory taken: after some of them those that run end first.
  @Test func itDoesNotStarve() {
    var queue = Queue(slots: 2, [submission("large"), submission("a", jobs: 50)])
    _ = queue.take()
    queue.findNoRoom(id("large"))
    var passed = queue.take().count
    while let running = queue.dispatcher.running.min(by: { $0.job < $1.job }) {
      queue.end(running)
      // It fits when nothing else runs.
      if queue.dispatcher.running.isEmpty { queue.lacking = [:] }
      let taken = queue.take()
      if taken.first == id("large") { break }
      passed += taken.count
    }
    #expect(passed == 8)
    #expect(queue.dispatcher.running.contains(id("large")))
  }

  /// What waits for another job's end takes no room from those that pass.
  @Test func whoWaitsForAnotherJobKeepsNobodyBack() {
    var queue = Queue(slots: 2, [submission("equal"), submission("a", jobs: 50)])
    _ = queue.take()
    queue.findNoRoom(id("equal"), Shortage("a/job0 to end", isCounted: true, isOfAnotherJob: true))
    _ = queue.take()
    for number in 1..<49 {
      queue.end(id("a", number))
      #expect(queue.take() == [id("a", number + 1)])
    }
    queue.lacking = [:]
    queue.end(id("a"))
    #expect(queue.take() == [id("equal")])
  }

  /// Where others than the queue's jobs have what it lacks, waiting for these would help nobody.
  @Test func whatOthersHaveKeepsNobodyBack() {
    var queue = Queue(slots: 2, [submission("large"), submission("a", jobs: 50)])
    _ = queue.take()
    queue.findNoRoom(id("large"))
    var (begun, together) = (1 + queue.take().count, [Int]())
    while let running = queue.dispatcher.running.first {
      queue.end(running)
      let taken = queue.take()
      // After the last one ended in vain as many go past again, and at once.
      if queue.dispatcher.running.count == taken.count { together.append(taken.count) }
      begun += taken.count
    }
    #expect(begun == 50 && together == [2, 2, 2, 2, 2, 1, 0])
    #expect(queue.dispatcher.shortage(of: id("large")) != nil)
  }

  /// Whoever keeps the others back is named, and only those behind it wait for that.
  @Test func statusSaysWhoKeepsBack() {
    var queue = Queue(slots: 2, [submission("large"), submission("a", jobs: 50)])
    _ = queue.take()
    queue.findNoRoom(id("large"))
    _ = queue.take()
    for number in 0..<8 {
      queue.end(id("a", number))
      _ = queue.take()
    }
    let report = QueueReport(
      state: queue.state, dispatcher: queue.dispatcher, notBefore: [:], isStopping: false,
      forgottenCount: 0)
    #expect(report.waiting[id("large")] == "2 GB of memory")
    #expect(report.waiting[id("a", 20)]?.hasPrefix("\(id("large")), which waits for room") == true)
  }

  @Test func aHigherPriorityGoesFirst() {
    var queue = Queue(slots: 1, [submission("large"), submission("urgent", priority: 1)])
    #expect(queue.take() == [id("urgent")])
    queue.end(id("urgent"))
    #expect(queue.take() == [id("large")])
    queue.findNoRoom(id("large"))
    queue.state.apply(.submitted(submission("late", priority: 1)))
    queue.dispatcher.enqueue(id("late"), in: queue.state)
    queue.lacking = [:]
    #expect(queue.take() == [id("late")])
    queue.end(id("late"))
    #expect(queue.take() == [id("large")])
  }

  /// It is looked for once a change; what is not counted is not asked for at all until something has changed.
  @Test(arguments: [true, false]) func looksAreFew(isCounted: Bool) {
    var queue = Queue(slots: 2, [submission("large"), submission("a", jobs: 2)])
    _ = queue.take()
    queue.findNoRoom(id("large"), Shortage("a file descriptor", isCounted: isCounted))
    _ = queue.take()
    #expect(queue.asked == (isCounted ? [id("large")] : []))
    queue.state.apply(.ended(id("a", 1), JobEnd(.completed)))
    queue.dispatcher.ended(id("a", 1))
    _ = queue.take()
    #expect(queue.asked.isEmpty)
    queue.dispatcher.lookForRoom()
    _ = queue.take()
    #expect(queue.asked == [id("large")])
  }

  /// One that is paused, or cancelled, while it waits is out; resumed it begins as any other.
  @Test func pausedMeanwhile() {
    var queue = Queue(slots: 1, [submission("large")])
    _ = queue.take()
    queue.findNoRoom(id("large"))
    queue.state.apply(.paused(id("large")))
    queue.dispatcher.lookForRoom()
    #expect(queue.take().isEmpty && queue.asked.isEmpty && !queue.dispatcher.isAnyShort)
    queue.state.apply(.resumed(id("large")))
    queue.dispatcher.enqueue(id("large"), in: queue.state)
    #expect(queue.take() == [id("large")])
  }
}

/// The same at work.
struct ShortageEngineTests {
  private let executor = ScriptedExecutor()
  private let store = MemoryStore()

  /// - Parameter look: seconds between looks.
  private func engine(look: Double, slots: Int = 2) -> QueueEngine<ScriptedExecutor> {
    let engine = QueueEngine(
      QueueState(), store: store, executor: executor, slots: slots,
      delays: RetryDelays(disk: 0.01, room: look, first: 0.01)
    ) { _ in }
    engine.start()
    return engine
  }

  private func lack(_ text: String?, _ job: JobID) { executor.state.withLock { $0.lacking[job] = text } }

  /// It counts no retry and begins when another job ends.
  @Test func theEndOfAnotherMakesRoom() throws {
    let engine = engine(look: 3600)
    lack("1 GB", id("large"))
    try engine.submit([submission("a"), submission("large")])
    _ = executor.waitForBegun(2)
    executor.finish(id("large"), .noRoom(Shortage("1 GB", isCounted: true)))
    wait(engine) { $0.jobs[id("large")]?.status.isQueued == true }
    #expect(engine.report().waiting[id("large")] == "1 GB")
    let entry = engine.report().state.jobs[id("large")]
    #expect(entry?.retries == 0 && entry?.problem == "waits for 1 GB")
    // A job that is paused waits for nothing but to be resumed.
    _ = try engine.command(.pause, [id("large")])
    #expect(engine.report().state.jobs[id("large")]?.problem == nil)
    _ = try engine.command(.resume, [id("large")])
    lack(nil, id("large"))
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    #expect(executor.waitForBegun(3).last == id("large"))
    executor.finish(id("large"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(store.replayed == engine.report().state)
  }

  /// What has become free before the job's refusal is heard of is not waited for.
  @Test func roomThatIsThereAtOnce() throws {
    let engine = engine(look: 3600)
    try engine.submit([submission("large")])
    _ = executor.waitForBegun(1)
    executor.finish(id("large"), .noRoom(Shortage("1 GB", isCounted: true)))
    #expect(executor.waitForBegun(2).count == 2)
    executor.finish(id("large"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
  }

  /// What other programs give back nobody tells of.
  @Test(arguments: [true, false]) func othersMakeRoom(isCounted: Bool) throws {
    let engine = engine(look: 0.01)
    lack("1 GB", id("large"))
    try engine.submit([submission("large")])
    _ = executor.waitForBegun(1)
    executor.finish(id("large"), .noRoom(Shortage("1 GB", isCounted: isCounted)))
    wait(engine) { $0.jobs[id("large")]?.status.isQueued == true }
    lack(nil, id("large"))
    #expect(executor.waitForBegun(2).count == 2)
    executor.finish(id("large"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
  }

  /// Room that was taken for a job that then could not begin is given back.
  @Test func roomIsReturned() throws {
    let engine = engine(look: 0.01)
    lack("1 GB", id("large"))
    try engine.submit([submission("large")])
    _ = executor.waitForBegun(1)
    executor.finish(id("large"), .noRoom(Shortage("1 GB", isCounted: true)))
    wait(engine) { $0.jobs[id("large")]?.status.isQueued == true }
    store.state.withLock { $0.refuses = true }
    lack(nil, id("large"))
    wait(engine) { _ in executor.state.withLock { !$0.roomReturned.isEmpty } }
    store.state.withLock { $0.refuses = false }
    #expect(executor.waitForBegun(2).last == id("large"))
    #expect(executor.state.withLock { $0.roomReturned.first } == id("large"))
    executor.finish(id("large"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
  }
}
