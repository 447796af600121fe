import Testing

@testable import Scheduler

struct DispatcherTests {
  /// A state and a dispatcher that knows all its waiting jobs.
  private func queue(slots: Int, _ submissions: [Submission], _ records: [QueueRecord] = []) -> (
    QueueState, Dispatcher
  ) {
    var state = QueueState()
    for submission in submissions { state.apply(.submitted(submission)) }
    for record in records { state.apply(record) }
    var dispatcher = Dispatcher(slots: slots)
    for id in state.jobs.keys { dispatcher.enqueue(id, in: state) }
    return (state, dispatcher)
  }

  private func suspect(_ name: String) -> [QueueRecord] {
    (0..<JobEntry.deathsBeforeAlone).flatMap { _ in [.began(id(name)), .died(id(name), progress: nil)] }
  }

  @Test
  func priorityThenFirstCome() {
    var (state, dispatcher) = queue(
      slots: 1, [submission("a", jobs: 2), submission("b", priority: 5), submission("c", priority: -1)])
    var order: [JobID] = []
    while let next = dispatcher.take(from: state).first {
      order.append(next)
      state.apply(.began(next))
      state.apply(.ended(next, JobEnd(.completed)))
      dispatcher.ended(next)
    }
    #expect(order == [id("b"), id("a"), id("a", 1), id("c")])
  }

  @Test
  func neverMoreThanTheSlots() {
    var (state, dispatcher) = queue(slots: 3, [submission("a", jobs: 5)])
    let taken1 = dispatcher.take(from: state)
    #expect(taken1.count == 3)
    let taken2 = dispatcher.take(from: state)
    #expect(taken2.isEmpty)
    dispatcher.ended(id("a", 1))
    state.apply(.ended(id("a", 1), JobEnd(.completed)))
    let taken3 = dispatcher.take(from: state)
    #expect(taken3 == [id("a", 3)])
  }

  @Test
  func pausedAndEndedJobsAreSkipped() {
    var (state, dispatcher) = queue(slots: 4, [submission("a", jobs: 3)])
    state.apply(.paused(id("a")))
    state.apply(.ended(id("a", 1), JobEnd(.cancelled)))
    let taken4 = dispatcher.take(from: state)
    #expect(taken4 == [id("a", 2)])
    state.apply(.resumed(id("a")))
    dispatcher.enqueue(id("a"), in: state)
    let taken5 = dispatcher.take(from: state)
    #expect(taken5 == [id("a")])
  }

  /// A suspect waits behind all others, then runs alone.
  @Test
  func suspectsRunAlone() {
    var (state, dispatcher) = queue(
      slots: 2, [submission("bad", priority: 9), submission("a", jobs: 2)], suspect("bad"))
    let taken6 = dispatcher.take(from: state)
    #expect(taken6 == [id("a"), id("a", 1)])
    dispatcher.ended(id("a"))
    state.apply(.ended(id("a"), JobEnd(.completed)))
    let taken7 = dispatcher.take(from: state)
    #expect(taken7.isEmpty)
    dispatcher.ended(id("a", 1))
    state.apply(.ended(id("a", 1), JobEnd(.completed)))
    let taken8 = dispatcher.take(from: state)
    #expect(taken8 == [id("bad")])
    #expect(dispatcher.runsAlone)
    state.apply(.submitted(submission("late")))
    dispatcher.enqueue(id("late"), in: state)
    let taken9 = dispatcher.take(from: state)
    #expect(taken9.isEmpty)
    dispatcher.ended(id("bad"))
    state.apply(.began(id("bad")))
    state.apply(.ended(id("bad"), JobEnd(.completed)))
    let taken10 = dispatcher.take(from: state)
    #expect(taken10 == [id("late")])
  }

  /// A job that is enqueued twice, as after a pause and a resume, begins once.
  @Test
  func enqueuedTwiceBeginsOnce() {
    var (state, dispatcher) = queue(slots: 1, [submission("a")])
    dispatcher.enqueue(id("a"), in: state)
    let taken11 = dispatcher.take(from: state)
    #expect(taken11 == [id("a")])
    let taken12 = dispatcher.take(from: state)
    #expect(taken12.isEmpty)
    // Nor does it begin by what is left of that when it waits for another try.
    state.apply(.began(id("a")))
    state.apply(.retried(id("a"), problem: "I/O"))
    dispatcher.ended(id("a"))
    let taken13 = dispatcher.take(from: state)
    #expect(taken13.isEmpty)
    dispatcher.enqueue(id("a"), in: state)
    let taken14 = dispatcher.take(from: state)
    #expect(taken14 == [id("a")])
  }
}
