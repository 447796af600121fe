import Dispatch
import Files
import Foundation
import Testing

@testable import Scheduler

struct QueueEngineTests {
  private let executor = ScriptedExecutor()
  private let store = MemoryStore()

  private func engine(_ state: QueueState = QueueState(), slots: Int = 1) -> QueueEngine<ScriptedExecutor> {
    startedEngine(executor, store, state, slots: slots)
  }

  @Test
  func runsEverythingOnceInOrder() throws {
    let engine = engine()
    try engine.submit([submission("a", jobs: 2), submission("b", priority: 1)])
    for job in [id("a"), id("b"), id("a", 1)] { executor.finish(job, .ended(JobEnd(.completed))) }
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(Set(executor.waitForBegun(3)) == [id("a"), id("b"), id("a", 1)])
    #expect(executor.state.withLock { $0.begun.count } == 3)
    #expect(store.replayed == engine.report().state)
  }

  @Test
  func nothingBeginsBeforeItIsWrittenDown() throws {
    let engine = engine()
    store.state.withLock { $0.refuses = true }
    #expect(throws: MemoryStore.Refusal.self) { try engine.submit([submission("a")]) }
    #expect(engine.report().state.jobs.isEmpty)
    store.state.withLock { $0.refuses = false }
    try engine.submit([submission("a")])
    #expect(executor.waitForBegun(1) == [id("a")])
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("a")]?.status.hasEnded == true }
  }

  /// An end that cannot be written down is kept and written later; nothing is lost.
  @Test
  func endsAreWrittenDownLater() throws {
    let engine = engine()
    try engine.submit([submission("a"), submission("b")])
    _ = executor.waitForBegun(1)
    store.state.withLock { $0.refuses = true }
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("a")]?.status.hasEnded == true }
    #expect(store.replayed.jobs[id("a")]?.status.isRunning == true)
    store.state.withLock { $0.refuses = false }
    #expect(executor.waitForBegun(2) == [id("a"), id("b")])
    #expect(store.replayed.jobs[id("a")]?.status == .ended(JobEnd(.completed)))
    executor.finish(id("b"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("b")]?.status.hasEnded == true }
  }

  @Test
  func machineFaultsAreTriedAgain() throws {
    let engine = engine()
    try engine.submit([submission("a", maxRetries: 2)])
    for _ in 0..<3 { executor.finish(id("a"), .machineFailed("I/O error")) }
    wait(engine) { $0.jobs[id("a")]?.status.hasEnded == true }
    #expect(engine.report().state.jobs[id("a")]?.status == .ended(JobEnd(.failed, problem: "I/O error")))
    #expect(executor.waitForBegun(3).count == 3)
  }

  @Test
  func aFullDiskFailsNothing() throws {
    let engine = engine()
    try engine.submit([submission("a")])
    for _ in 0..<5 { executor.finish(id("a"), .diskFull("no space")) }
    _ = executor.waitForBegun(6)
    #expect(engine.report().state.jobs[id("a")]?.retries == 0)
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("a")]?.status == .ended(JobEnd(.completed)) }
  }

  @Test
  func pauseResumeCancelRestart() throws {
    let engine = engine()
    try engine.submit([submission("a"), submission("b")])
    _ = executor.waitForBegun(1)
    #expect(try engine.command(.pause, [id("a")]).map(\.text) == ["paused"])
    #expect(executor.waitForBegun(2) == [id("a"), id("b")])
    #expect(try engine.command(.cancel, [id("b")]).map(\.text) == ["is being cancelled"])
    wait(engine) { $0.jobs[id("b")]?.status == .ended(JobEnd(.cancelled)) }
    #expect(executor.state.withLock { $0.settled[id("b")] } == JobEnd(.cancelled))
    #expect(try engine.command(.cancel, [id("b")]).map(\.isEffective) == [false])
    #expect(try engine.command(.resume, [id("a")]).map(\.text) == ["resumed"])
    #expect(executor.waitForBegun(3).last == id("a"))
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("a")]?.status == .ended(JobEnd(.completed)) }
    #expect(try engine.command(.restart, [id("a")]).map(\.text) == ["begins again"])
    #expect(executor.state.withLock { $0.reset } == [id("a")])
    #expect(executor.waitForBegun(4).last == id("a"))
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("a")]?.status.hasEnded == true }
  }

  /// A run that gets to its own end before it sees the request has completed.
  @Test
  func completionBeatsCancellation() throws {
    let engine = engine()
    try engine.submit([submission("a")])
    _ = executor.waitForBegun(1)
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    _ = try engine.command(.cancel, [id("a")])
    wait(engine) { $0.jobs[id("a")]?.status.hasEnded == true }
    #expect(engine.report().state.jobs[id("a")]?.status == .ended(JobEnd(.completed)))
  }

  @Test
  func shutdownLeavesRunsToGoOn() throws {
    let engine = engine(slots: 2)
    try engine.submit([submission("a", jobs: 3)])
    _ = executor.waitForBegun(2)
    let done = DispatchSemaphore(value: 0)
    engine.shutdown(drain: false) { done.signal() }
    #expect(done.wait(timeout: .now() + 60) == .success)
    let state = store.replayed
    #expect(state.jobs.values.allSatisfy { $0.status.isQueued && $0.deaths == 0 })
    #expect(executor.waitForBegun(2).count == 2)
  }

  @Test
  func aDeathIsCountedAndTheRunGoesOn() throws {
    var state = QueueState()
    for record: QueueRecord in [.submitted(submission("a", jobs: 2)), .began(id("a"))] { state.apply(record) }
    try store.append(
      [.submitted(submission("a", jobs: 2)), .began(id("a"))].map { (record: QueueRecord) in
        try record.encoded()
      })
    let engine = engine(state)
    #expect(executor.waitForBegun(1) == [id("a")])
    #expect(engine.report().state.jobs[id("a")]?.deaths == 1)
    for job in [id("a"), id("a", 1)] { executor.finish(job, .ended(JobEnd(.completed))) }
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(store.replayed == engine.report().state)
  }

  @Test
  func resubmissionContinuesWhatFailed() throws {
    let engine = engine()
    try engine.submit([submission("a", jobs: 2)])
    executor.finish(id("a"), .ended(JobEnd(.failed, problem: "bad")))
    executor.finish(id("a", 1), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(try engine.continueEnded("a", ["job0", "job1", "job2"]) == [id("a")])
    #expect(executor.waitForBegun(3).last == id("a"))
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("a")]?.status == .ended(JobEnd(.completed)) }
    #expect(try engine.continueEnded("a", ["job0"]).isEmpty)
  }

  /// A job that is asked to stop before its thread has got anywhere is asked all the same.
  @Test(arguments: [QueueCommand.cancel, .pause])
  func aRequestAtOnceIsHeard(_ command: QueueCommand) throws {
    let engine = engine()
    try engine.submit([submission("a")])
    _ = try engine.command(command, [id("a")])
    #expect(executor.state.withLock { $0.stopsAsked[id("a")] } == (command == .cancel ? .cancel : .pause))
    wait(engine) { _ in engine.report().dispatcher.running.isEmpty }
  }

  /// A suspect that gets on lets the others begin beside it.
  @Test
  func aSuspectThatGetsOnIsNotAlone() throws {
    var state = QueueState()
    state.apply(.submitted(submission("bad")))
    for _ in 0..<JobEntry.deathsBeforeAlone {
      for record in [QueueRecord.began(id("bad")), .died(id("bad"), progress: nil)] { state.apply(record) }
    }
    let engine = engine(state, slots: 2)
    _ = executor.waitForBegun(1)
    try engine.submit([submission("a")])
    #expect(engine.report().waiting[id("a")] == "a run that runs alone")
    engine.progressed(id("bad"))
    #expect(executor.waitForBegun(2) == [id("bad"), id("a")])
    #expect(engine.report().state.jobs[id("bad")]?.deaths == 0)
    for name in ["bad", "a"] { executor.finish(id(name), .ended(JobEnd(.completed))) }
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
  }

  /// What the process did not live to hear: also at the sixth death, and also where it was being cancelled.
  @Test(arguments: [0, JobEntry.deathsBeforeFailure - 1], [false, true])
  func anEndOnRecordBeatsADeath(deaths: Int, isBeingCancelled: Bool) throws {
    var state = QueueState()
    state.apply(.submitted(submission("a")))
    for _ in 0..<deaths {
      for record in [QueueRecord.began(id("a")), .died(id("a"), progress: nil)] { state.apply(record) }
    }
    state.apply(.began(id("a")))
    if isBeingCancelled { state.apply(.cancelRequested(id("a"))) }
    executor.state.withLock { $0.recordedEnds[id("a")] = JobEnd(.completed) }
    let engine = engine(state)
    #expect(engine.report().state.jobs[id("a")]?.status == .ended(JobEnd(.completed)))
    #expect(executor.state.withLock { $0.settled.isEmpty && $0.begun.isEmpty })
  }

  /// However often it is started anew: a long journal is a snapshot afterwards.
  @Test
  func aStartCompactsALongJournal() throws {
    var state = QueueState()
    let records =
      [QueueRecord.submitted(submission("a"))]
      + (0..<12_000).flatMap { _ in
        [QueueRecord.paused(id("a")), .resumed(id("a"))]
      }
    for record in records { state.apply(record) }
    try store.append(try (records + [.paused(id("a"))]).map { try $0.encoded() })
    state.apply(.paused(id("a")))
    let length = store.length
    #expect(length > 1 << 20)
    let engine = engine(state)
    #expect(store.length < length / 100)
    #expect(store.replayed == engine.report().state)
  }

  @Test
  func pausesBetweenTriesGrow() {
    let delays = RetryDelays(first: 5)
    #expect((0..<5).map { delays.retry($0) } == [5, 15, 45, 135, 405])
    #expect(delays.retry(100) == 3600)
  }

  @Test
  func waitingRunsSayWhy() throws {
    let engine = engine()
    try engine.submit([submission("a", jobs: 3)])
    _ = executor.waitForBegun(1)
    let waiting = engine.report().waiting
    #expect(waiting[id("a", 1)] == "a free slot (1 of 1 in use, next)")
    #expect(waiting[id("a", 2)] == "a free slot (1 of 1 in use, 1 ahead)")
    for job in 0..<3 { executor.finish(id("a", job), .ended(JobEnd(.completed))) }
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
  }

  /// However long the disk is full: it is tried until it works, and nobody has to ask.
  @Test(arguments: [false, true])
  func aStoreThatFailsForLongStallsNothing(needsSnapshot: Bool) throws {
    let engine = engine()
    try engine.submit([submission("a", jobs: 2)])
    _ = executor.waitForBegun(1)
    store.state.withLock { $0.refuses = true }
    if needsSnapshot { store.state.withLock { $0.needsSnapshot = true } }
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    let deadline = Date(timeIntervalSinceNow: 60)
    while store.state.withLock({ $0.refusals }) < 4, Date() < deadline { usleep(1_000) }
    #expect(executor.state.withLock { $0.begun } == [id("a")])
    let reason = engine.report().waiting[id("a", 1)] ?? ""
    #expect(reason.hasPrefix("the journal to be written again: "), "\(reason)")
    #expect { try engine.submit([submission("b")]) } throws: {
      "\($0)".hasPrefix("the journal cannot be written: ")
    }
    store.state.withLock { $0.refuses = false }
    #expect(executor.waitForBegun(2) == [id("a"), id("a", 1)])
    executor.finish(id("a", 1), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(store.replayed == engine.report().state)
  }

  /// What happened while nothing could be appended is in the snapshot, and is not appended to it once more.
  @Test
  func aSnapshotHoldsWhatCouldNotBeWritten() throws {
    let engine = engine()
    try engine.submit([submission("a", jobs: 2)])
    _ = executor.waitForBegun(1)
    store.state.withLock { $0.refusesToAppend = true }
    executor.finish(id("a"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("a")]?.status.hasEnded == true }
    engine.compact()
    store.state.withLock { $0.refusesToAppend = false }
    #expect(executor.waitForBegun(2) == [id("a"), id("a", 1)])
    executor.finish(id("a", 1), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(store.replayed == engine.report().state)
  }

  /// A job whose files cannot be removed fails, and says why; with a full disk it waits. Others begin meanwhile.
  @Test
  func aResetThatFailsKeepsNobodyElse() throws {
    let engine = startedEngine(executor, store, slots: 3)
    executor.state.withLock {
      $0.resetProblems[id("a")] = FileError(.remove, "a/run.json", code: EACCES)
      $0.resetProblems[id("a", 1)] = FileError(.remove, "a/run.json", code: ENOSPC)
    }
    try engine.queueOnceMore([submission("a", jobs: 3)], fromNothing: true)
    #expect(executor.waitForBegun(1) == [id("a", 2)])
    wait(engine) { $0.jobs[id("a")]?.status.hasEnded == true }
    guard case .ended(let end) = engine.report().state.jobs[id("a")]?.status else { return }
    #expect(end.kind == .failed && end.problem?.hasPrefix("cannot begin from nothing: cannot remove") == true)
    #expect(executor.state.withLock { $0.settled[id("a")] } == end)
    executor.state.withLock { $0.resetProblems = [:] }
    #expect(executor.waitForBegun(2) == [id("a", 2), id("a", 1)])
    for job in 1...2 { executor.finish(id("a", job), .ended(JobEnd(.completed))) }
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(store.replayed == engine.report().state)
  }

  /// What has ended and is concluded leaves the queue, but not while a job that was cancelled still stops.
  @Test
  func whatIsConcludedIsForgotten() throws {
    let executor = ScriptedExecutor(stopsWhenAsked: false)
    let engine = startedEngine(executor, store)
    try engine.submit([submission("a"), submission("b")])
    _ = executor.waitForBegun(1)
    for command in [QueueCommand.pause, .cancel] { _ = try engine.command(command, [id("a")]) }
    engine.concluded("a")
    #expect(engine.report().state.jobs[id("a")] != nil)
    executor.finish(id("a"), .stopped)
    wait(engine) { $0.jobs[id("a")] == nil }
    _ = executor.waitForBegun(2)
    engine.concluded("b")
    executor.finish(id("b"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[id("b")]?.status.hasEnded == true }
    engine.concluded("b")
    wait(engine) { $0.submissions.isEmpty }
    #expect(engine.report().state.recentlyEnded.map(\.id) == [id("a"), id("b")])
    #expect(store.replayed == engine.report().state && engine.report().forgottenCount == 2)
  }

  /// A job of a forgotten submission begins once more, alone or with the others that are restarted.
  @Test
  func whatIsForgottenIsRestarted() throws {
    let engine = engine()
    try engine.queueOnceMore([submission("a", jobs: 2)], fromNothing: true)
    #expect(executor.waitForBegun(1) == [id("a")] && executor.state.withLock { $0.reset } == [id("a")])
    let third = JobDescription("job2")
    let more = Submission(
      name: "a", payload: "{}", folder: ".", jobs: [third], priority: 0, maxRetries: 0, fingerprint: "a")
    try engine.queueOnceMore([more], fromNothing: true)
    for job in 0..<3 { executor.finish(id("a", job), .ended(JobEnd(.completed))) }
    wait(engine) { $0.jobs.count == 3 && $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(executor.state.withLock { $0.reset } == [id("a"), id("a", 1), id("a", 2)])
    #expect(store.replayed == engine.report().state)
  }
}
