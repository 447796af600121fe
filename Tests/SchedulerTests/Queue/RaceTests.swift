import Testing

@testable import Scheduler

/// Every race between an end, cancel, pause, resume, shutdown and the process's death has one outcome. The job is asked to
/// stop and does what the test says next, as a run does that is in the middle of a step.
struct RaceTests {
  private let executor = ScriptedExecutor(stopsWhenAsked: false)
  private let store = MemoryStore()
  private let job = id("a")

  /// A queue whose one slot is taken by the job.
  private func running() throws -> QueueEngine<ScriptedExecutor> {
    let engine = startedEngine(executor, store)
    try engine.submit([submission("a")])
    _ = executor.waitForBegun(1)
    return engine
  }

  private func status(_ engine: QueueEngine<ScriptedExecutor>) -> JobStatus? {
    engine.report().state.jobs[job]?.status
  }

  /// What the journal says is what the queue knows, whoever was first.
  private func expectReplay(
    of engine: QueueEngine<ScriptedExecutor>, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let state = engine.report().state
    #expect(store.replayed == state, sourceLocation: sourceLocation)
  }

  /// What the process that starts next makes of the journal, without anything having ended in this one.
  private func statusAfterDeath() -> JobStatus? {
    let next = QueueEngine(
      store.replayed, store: MemoryStore(), executor: ScriptedExecutor(), slots: 1
    ) { _ in }
    next.shutdown(drain: false) {}
    next.start()
    return next.report().state.jobs[job]?.status
  }

  @Test(arguments: [JobEnd(.completed), JobEnd(.diverged, problem: "nan"), JobEnd(.failed, problem: "bad")])
  func anEndBeatsACancelThatItDidNotSee(_ end: JobEnd) throws {
    let engine = try running()
    #expect(try engine.command(.cancel, [job]).map(\.text) == ["is being cancelled"])
    executor.finish(job, .ended(end))
    wait(engine) { $0.jobs[job]?.status.hasEnded == true }
    #expect(status(engine) == .ended(end))
    #expect(executor.state.withLock { $0.settled[job] } == nil)
    expectReplay(of: engine)
  }

  /// A submission grows while its jobs run, wait and have ended: the first is not wanted any more.
  @Test(arguments: [JobOutcome.stopped, .ended(JobEnd(.completed))])
  func aSubmissionGrows(_ outcome: JobOutcome) throws {
    let engine = startedEngine(executor, store)
    try engine.submit([submission("a", jobs: 3)])
    _ = executor.waitForBegun(1)
    try engine.submit([submission("b", priority: 1)])
    _ = try engine.command(.cancel, [id("a", 1)])
    // Jobs 1 to 3, of which one has been cancelled, one waits, and one is new.
    var grown = submission("a", jobs: 4, priority: 2)
    grown.jobs.removeFirst()
    let growth = try engine.grow(grown, wanted: ["job1", "job2", "job3"])
    #expect(growth.queued == [id("a", 1), id("a", 3)] && growth.cancelled == [job])
    #expect(engine.report().state.jobs[job]?.status.isBeingCancelled == true)
    executor.finish(job, outcome)
    // By their new priority before the other submission; by their places in the queue among themselves.
    for next in [2, 1, 3] { executor.finish(id("a", next), .ended(JobEnd(.completed))) }
    executor.finish(id("b"), .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs.values.allSatisfy(\.status.hasEnded) }
    #expect(executor.state.withLock { $0.begun } == [job, id("a", 2), id("a", 1), id("a", 3), id("b")])
    #expect(status(engine) == .ended(outcome == .stopped ? JobEnd(.cancelled) : JobEnd(.completed)))
    #expect(engine.report().state.submissions["a"]?.jobs.map(\.name) == ["job0", "job1", "job2", "job3"])
    expectReplay(of: engine)
    // Nothing is left of it.
    try engine.remove(["a"])
    #expect(engine.report().state.recentlyEnded.map(\.id) == [id("b")])
    #expect(engine.report().state.submissions["a"] == nil)
    expectReplay(of: engine)
  }

  @Test func whatHasNotEndedIsNotRemoved() throws {
    let engine = try running()
    #expect(throws: QueueEngine<ScriptedExecutor>.NotEnded.self) { try engine.remove(["a"]) }
    _ = try engine.command(.pause, [job])
    _ = try engine.command(.cancel, [job])
    // It still stops.
    #expect(throws: QueueEngine<ScriptedExecutor>.NotEnded.self) { try engine.remove(["a"]) }
    executor.finish(job, .stopped)
    wait(engine) { _ in executor.state.withLock { $0.settled[job] } != nil }
    try engine.remove(["a", "unknown"])
    expectReplay(of: engine)
  }

  @Test func aCancelSurvivesTheProcess() throws {
    let engine = try running()
    _ = try engine.command(.cancel, [job])
    #expect(statusAfterDeath() == .ended(JobEnd(.cancelled)))
    executor.finish(job, .stopped)
    wait(engine) { $0.jobs[job]?.status == .ended(JobEnd(.cancelled)) }
    expectReplay(of: engine)
  }

  @Test(arguments: [JobOutcome.stopped, .ended(JobEnd(.completed)), .machineFailed("I/O"), .diskFull("full")])
  func aCancelOfAPausingJobCounts(_ outcome: JobOutcome) throws {
    let engine = try running()
    _ = try engine.command(.pause, [job])
    #expect(try engine.command(.cancel, [job]).map(\.text) == ["cancelled"])
    executor.finish(job, outcome)
    wait(engine) { _ in executor.state.withLock { $0.settled[job] } != nil }
    #expect(status(engine) == .ended(JobEnd(.cancelled)))
    #expect(executor.state.withLock { $0.settled[job] } == JobEnd(.cancelled))
    expectReplay(of: engine)
  }

  @Test func anEndBeatsAPause() throws {
    let engine = try running()
    #expect(try engine.command(.pause, [job]).map(\.text) == ["paused"])
    executor.finish(job, .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[job]?.status == .ended(JobEnd(.completed)) }
    #expect(store.replayed.jobs[job]?.status == .ended(JobEnd(.completed)))
    expectReplay(of: engine)
  }

  @Test func aJobResumedBeforeItStoppedIsQueuedAgain() throws {
    let engine = try running()
    _ = try engine.command(.pause, [job])
    #expect(try engine.command(.resume, [job]).map(\.text) == ["resumed"])
    executor.finish(job, .stopped)
    #expect(executor.waitForBegun(2) == [job, job])
    executor.finish(job, .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[job]?.status == .ended(JobEnd(.completed)) }
    expectReplay(of: engine)
  }

  /// It may also end before it has noticed that it was to pause.
  @Test func aJobResumedBeforeItStoppedMayEnd() throws {
    let engine = try running()
    _ = try engine.command(.pause, [job])
    _ = try engine.command(.resume, [job])
    executor.finish(job, .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[job]?.status == .ended(JobEnd(.completed)) }
    #expect(executor.waitForBegun(1) == [job])
    expectReplay(of: engine)
  }

  /// Its last attempt would write into what the next one begins with.
  @Test func aRestartWaitsUntilTheJobHasStopped() throws {
    let engine = try running()
    _ = try engine.command(.pause, [job])
    _ = try engine.command(.cancel, [job])
    #expect(try engine.command(.restart, [job]).map(\.text) == ["is still stopping; try again in a moment"])
    executor.finish(job, .stopped)
    wait(engine) { _ in executor.state.withLock { $0.settled[job] } != nil }
    #expect(try engine.command(.restart, [job]).map(\.text) == ["begins again"])
    #expect(executor.waitForBegun(2) == [job, job])
    #expect(executor.state.withLock { $0.reset } == [job])
    executor.finish(job, .stopped)
    expectReplay(of: engine)
  }

  @Test func aPauseSurvivesTheProcess() throws {
    let engine = try running()
    _ = try engine.command(.pause, [job])
    #expect(statusAfterDeath() == .paused(.goesOn))
    executor.finish(job, .stopped)
    expectReplay(of: engine)
  }

  @Test(arguments: [nil, QueueCommand.pause, .cancel], [JobOutcome.stopped, .ended(JobEnd(.completed))])
  func shutdownChangesNoneOfIt(_ command: QueueCommand?, _ outcome: JobOutcome) throws {
    let engine = try running()
    if let command { _ = try engine.command(command, [job]) }
    let stopped = Stopped()
    engine.shutdown(drain: false) { stopped.signal() }
    executor.finish(job, outcome)
    #expect(stopped.wait())
    let expected: JobStatus =
      switch (command, outcome) {
      case (_, .ended(let end)): .ended(end)
      case (.pause, _): .paused(.goesOn)
      case (.cancel, _): .ended(JobEnd(.cancelled))
      default: .queued(.goesOn)
      }
    #expect(store.replayed.jobs[job]?.status == expected)
    #expect(store.replayed.jobs[job]?.deaths == 0)
    expectReplay(of: engine)
  }

  @Test func aSecondShutdownHurriesADrain() throws {
    let engine = try running()
    let stopped = Stopped()
    engine.shutdown(drain: true) { stopped.signal() }
    #expect(executor.state.withLock { $0.stopsAsked.isEmpty })
    engine.shutdown(drain: false) { stopped.signal() }
    _ = engine.report()
    #expect(executor.state.withLock { $0.stopsAsked[job] } == .shutdown)
    executor.finish(job, .stopped)
    #expect(stopped.wait() && stopped.wait())
    expectReplay(of: engine)
  }

  @Test(arguments: [QueueCommand.pause, .resume, .cancel]) func whatHasEndedStaysSo(_ command: QueueCommand)
    throws
  {
    let engine = try running()
    executor.finish(job, .ended(JobEnd(.completed)))
    wait(engine) { $0.jobs[job]?.status.hasEnded == true }
    let before = engine.report().state
    #expect(try engine.command(command, [job]).map(\.text) == ["has already ended: completed"])
    #expect(engine.report().state == before)
    expectReplay(of: engine)
  }

  /// The process died after the run's own record said that it has ended, before the queue heard of it.
  @Test func anEndThatTheQueueDidNotHearOf() throws {
    _ = try running()
    let next = ScriptedExecutor()
    next.finish(job, .ended(JobEnd(.completed)))
    let engine = QueueEngine(store.replayed, store: MemoryStore(), executor: next, slots: 1) { _ in }
    engine.start()
    wait(engine) { $0.jobs[job]?.status == .ended(JobEnd(.completed)) }
    executor.finish(job, .stopped)
  }
}
