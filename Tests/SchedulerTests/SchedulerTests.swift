import Dispatch
import Synchronization
import Testing

@testable import Scheduler

/// The scheduler with jobs that do nothing but wait to be told to end.
struct SchedulerTests {
  @Test func neverMoreAtOnceThanThereAreSlots() {
    let executor = GatedExecutor()
    let scheduler = Scheduler(executor, slots: 3)
    for id in 0..<10 { scheduler.submit(GatedJob(id: id)) }
    for ended in 0..<10 {
      for _ in 0..<(ended == 0 ? 3 : ended <= 7 ? 1 : 0) { executor.awaitBeginning() }
      #expect(executor.runningNow.count == min(3, 10 - ended))
      executor.endOne()
      executor.awaitEnd()
    }
    scheduler.waitUntilIdle()
    #expect(executor.mostAtOnce == 3)
    #expect(executor.begun.sorted() == Array(0..<10))
  }

  @Test func jobsBeginInOrderOfPriority() {
    let executor = GatedExecutor()
    let scheduler = Scheduler(executor, slots: 1)
    for (id, priority) in [(0, 0), (1, 0), (2, 5), (3, -1), (4, 5)] {
      scheduler.submit(GatedJob(id: id), priority: priority)
    }
    for _ in 0..<5 {
      executor.awaitBeginning()
      executor.endOne()
    }
    scheduler.waitUntilIdle()
    #expect(executor.begun == [0, 2, 4, 1, 3])
  }

  @Test func stopAsksWhatRunsAndBeginsNothingMore() {
    let executor = GatedExecutor()
    let scheduler = Scheduler(executor, slots: 2)
    for id in 0..<6 { scheduler.submit(GatedJob(id: id)) }
    executor.awaitBeginning()
    executor.awaitBeginning()
    scheduler.stop()
    #expect(executor.asked.sorted() == [0, 1])
    scheduler.submit(GatedJob(id: 9), priority: 9)
    // Those that were asked end by that; whoever was not would be waited for in vain.
    for _ in executor.asked.count..<2 { executor.endOne() }
    scheduler.waitUntilIdle()
    #expect(executor.begun.sorted() == [0, 1] && executor.runningNow.isEmpty)
  }

  @Test func aStoppedSchedulerIsIdleAtOnce() {
    let executor = GatedExecutor()
    let scheduler = Scheduler(executor, slots: 2)
    scheduler.stop()
    scheduler.submit(GatedJob(id: 0))
    scheduler.waitUntilIdle()
    #expect(executor.begun.isEmpty)
  }

  @Test func anIdleSchedulerTakesMore() {
    let executor = GatedExecutor()
    let scheduler = Scheduler(executor, slots: 2)
    scheduler.waitUntilIdle()
    for round in 1...3 {
      scheduler.submit(GatedJob(id: 0))
      executor.awaitBeginning()
      executor.endOne()
      scheduler.waitUntilIdle()
      #expect(executor.begun.count == round)
    }
  }

  /// Jobs that end by themselves at once, from many threads.
  @Test(arguments: [1, 2, 16]) func everyJobRunsOnce(slots: Int) {
    let executor = GatedExecutor(isOpen: true)
    let scheduler = Scheduler(executor, slots: slots)
    DispatchQueue.concurrentPerform(iterations: 500) { scheduler.submit(GatedJob(id: $0), priority: $0 % 7) }
    scheduler.waitUntilIdle()
    #expect(executor.begun.sorted() == Array(0..<500))
    #expect(executor.mostAtOnce <= slots && executor.runningNow.isEmpty)
  }
}

private struct GatedJob: Identifiable, Sendable {
  var id: Int
}

/// Holds every job until it is told to end, and notes what happens.
private final class GatedExecutor: JobExecutor {
  private struct State {
    var begun: [Int] = []
    var running: Set<Int> = []
    var mostAtOnce = 0
    var asked: [Int] = []
  }

  private let state = Mutex(State())
  private let gate = DispatchSemaphore(value: 0)
  private let beginnings = DispatchSemaphore(value: 0)
  private let ends = DispatchSemaphore(value: 0)
  private let isOpen: Bool

  init(isOpen: Bool = false) { self.isOpen = isOpen }

  var begun: [Int] { state.withLock { $0.begun } }
  var runningNow: Set<Int> { state.withLock { $0.running } }
  var mostAtOnce: Int { state.withLock { $0.mostAtOnce } }
  var asked: [Int] { state.withLock { $0.asked } }

  func awaitBeginning() { beginnings.wait() }
  func awaitEnd() { ends.wait() }
  func endOne() { gate.signal() }

  func execute(_ job: GatedJob) {
    state.withLock { state in
      state.begun.append(job.id)
      state.running.insert(job.id)
      state.mostAtOnce = max(state.mostAtOnce, state.running.count)
    }
    beginnings.signal()
    if !isOpen { gate.wait() }
    state.withLock { _ = $0.running.remove(job.id) }
    ends.signal()
  }

  func askToStop(_ job: GatedJob) {
    state.withLock { $0.asked.append(job.id) }
    gate.signal()
  }
}
