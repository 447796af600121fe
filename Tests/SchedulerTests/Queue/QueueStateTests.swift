import Foundation
import Testing

@testable import Scheduler

/// A submission of so many jobs.
func submission(_ name: String, jobs: Int = 1, priority: Int = 0, maxRetries: Int = 0) -> Submission {
  Submission(
    name: name, payload: "{}", folder: ".",
    jobs: (0..<jobs).map { JobDescription("job\($0)", labels: ["number": "\($0)"]) }, priority: priority,
    maxRetries: maxRetries, fingerprint: name)
}

func id(_ submission: String, _ job: Int = 0) -> JobID { JobID(submission: submission, job: "job\(job)") }

struct QueueStateTests {
  /// What goes into the journal is bounded, a character of many bytes or not, and as much of it is kept as there is room for.
  @Test(arguments: ["x", "☕", "\u{1B}"]) func problemsAreBounded(character: Character) throws {
    let problem = try #require(
      JobEnd(.failed, problem: String(repeating: character, count: 3_000_000)).problem)
    #expect(1_900...2_048 ~= problem.utf8.count && problem.hasSuffix("…") && !problem.contains("\u{1B}"))
  }

  /// The room of a long queue is not kept for a short one.
  @Test func aLongQueueLeavesNoRoomBehind() {
    var state = QueueState()
    var dispatcher = Dispatcher(slots: 1)
    let names = (0..<10_000).map { "s\($0)" }
    for name in names {
      state.apply(.submitted(submission(name)))
      dispatcher.enqueue(id(name), in: state)
    }
    #expect(state.jobs.capacity >= 10_000)
    for name in names.dropLast() {
      let taken = dispatcher.take(from: state)
      guard taken == [id(name)] else {
        Issue.record("\(taken) for \(name)")
        return
      }
      dispatcher.ended(id(name))
      state.apply(.began(id(name)))
      state.apply(.ended(id(name), JobEnd(.completed)))
      state.apply(.forgotten(name))
    }
    #expect(state.jobs.capacity < 2_500 && state.submissions.capacity < 2_500)
    #expect(Array(state.jobs.keys) == [id(names.last!)] && state.submissions[names.last!] != nil)
    #expect(dispatcher.take(from: state) == [id(names.last!)])
  }

  @Test func sparseCollectionsShrink() {
    var array = Array(0..<100_000)
    var dictionary = Dictionary(uniqueKeysWithValues: array.map { ($0, "\($0)") })
    array.removeLast(90_000)
    for key in 10_000..<100_000 { dictionary[key] = nil }
    array.shrink()
    dictionary.shrink()
    #expect(array.capacity < 20_000 && array == Array(0..<10_000))
    #expect(dictionary.capacity < 20_000)
    #expect(dictionary == Dictionary(uniqueKeysWithValues: array.map { ($0, "\($0)") }))
    // Not as soon as there is a little room.
    let capacity = array.capacity
    array.removeLast(5_000)
    array.shrink()
    #expect(array.capacity == capacity)
  }

  @Test
  func recordsAddUp() {
    var state = QueueState()
    let fits1 = state.apply(.submitted(submission("a", jobs: 2)))
    #expect(fits1)
    let fits2 = state.apply(.began(id("a")))
    #expect(fits2)
    let fits3 = state.apply(.ended(id("a"), JobEnd(.completed)))
    #expect(fits3)
    let fits4 = state.apply(.paused(id("a", 1)))
    #expect(fits4)
    #expect(state.jobs[id("a")]?.status == .ended(JobEnd(.completed)))
    #expect(state.jobs[id("a", 1)]?.status.isPaused == true)
    #expect(state.jobs(of: submission("a", jobs: 2)).map(\.id.job) == ["job0", "job1"])
  }

  @Test(arguments: [
    QueueRecord.submitted(submission("a")), .began(id("b")), .resumed(id("a")),
    .requeued(id("a"), problem: nil),
    .restarted(id("b")), .continued(id("b")), .died(id("a"), progress: nil), .placed("b"),
    .retried(id("a"), problem: ""), .progressed(id("b")), .standings("b", from: 0, []),
    .standings("a", from: 1, [JobEntry(sequence: 0)]), .standings("a", from: -1, []),
    .grown(submission("a")), .grown(submission("b")), .removed("a"),
  ])
  func whatDoesNotFitChangesNothing(record: QueueRecord) {
    var state = QueueState()
    state.apply(.submitted(submission("a")))
    let jobs = state.jobs
    let fits5 = state.apply(record)
    #expect(!fits5)
    #expect(state.jobs == jobs)
  }

  @Test
  func endedJobsStayEnded() {
    var state = QueueState()
    state.apply(.submitted(submission("a")))
    state.apply(.ended(id("a"), JobEnd(.cancelled)))
    for record: QueueRecord in [
      .began(id("a")), .paused(id("a")), .ended(id("a"), JobEnd(.completed)), .died(id("a"), progress: 3),
    ] {
      let fits6 = state.apply(record)
      #expect(!fits6)
    }
    #expect(state.jobs[id("a")]?.status == .ended(JobEnd(.cancelled)))
  }

  /// Deaths without a new checkpoint make a suspect, more of them a failure; a checkpoint in between starts anew.
  @Test
  func deathsCount() {
    var state = QueueState()
    state.apply(.submitted(submission("a")))
    func die(at progress: Int?) {
      state.apply(.began(id("a")))
      state.apply(.died(id("a"), progress: progress))
    }
    for _ in 0..<2 { die(at: nil) }
    #expect(state.jobs[id("a")]?.isSuspect == false)
    die(at: 10)
    #expect(state.jobs[id("a")]?.deaths == 1)
    for _ in 0..<2 { die(at: 10) }
    #expect(state.jobs[id("a")]?.isSuspect == true)
    for _ in 0..<2 { die(at: 10) }
    #expect(state.jobs[id("a")]?.status.isQueued == true)
    die(at: 10)
    guard case .ended(let end) = state.jobs[id("a")]?.status else {
      Issue.record("still \(state.jobs[id("a")]?.status.name ?? "gone") after six deaths")
      return
    }
    #expect(end.kind == .failed)
    #expect(end.problem?.contains("died 6 times") == true)
  }

  /// What has got on is no suspect any more, and dies for the first time again.
  @Test
  func progressForgetsDeaths() {
    var state = QueueState()
    state.apply(.submitted(submission("a")))
    for _ in 0..<4 {
      for record in [QueueRecord.began(id("a")), .died(id("a"), progress: 10)] { state.apply(record) }
    }
    state.apply(.began(id("a")))
    state.apply(.progressed(id("a")))
    #expect(state.jobs[id("a")]?.isSuspect == false)
    state.apply(.died(id("a"), progress: 20))
    #expect(state.jobs[id("a")]?.deaths == 1)
  }

  /// Where the record of a job's end was lost, that it was queued once more says that it had ended.
  @Test(arguments: [(QueueRecord.restarted(id("a")), JobStart.fromNothing), (.continued(id("a")), .onceMore)])
  func whatIsQueuedOnceMoreHadEnded(_ record: QueueRecord, _ start: JobStart) {
    var state = QueueState()
    for before in [QueueRecord.submitted(submission("a")), .began(id("a"))] { state.apply(before) }
    let fits = state.apply(record)
    #expect(fits && state.jobs[id("a")]?.status == .queued(start))
    #expect(!state.canTake("a"))
    state.apply(.began(id("a")))
    #expect(state.jobs[id("a")]?.status == .running(isBeingCancelled: false))
    state.apply(.ended(id("a"), JobEnd(.completed)))
    #expect(state.canTake("a"))
  }

  /// Thousands of jobs that all have much to tell: no record is too long for the journal, and one that is lost leaves its
  /// jobs to be done again.
  @Test
  func largeSnapshotsComeInParts() throws {
    var state = QueueState()
    let count = 1000
    state.apply(.submitted(submission("a", jobs: count)))
    let problem = String(repeating: "ö\"", count: 5_000)
    for job in 0..<count { state.apply(.ended(id("a", job), JobEnd(.failed, problem: problem))) }
    let snapshot = try state.snapshot.map { try $0.encoded() }
    #expect(snapshot.count == 5 && snapshot.allSatisfy { $0.count < Journal.maximumRecordBytes })
    var restored = QueueState()
    for record in snapshot { restored.apply(try QueueRecord(decoding: record)) }
    #expect(restored == state && restored.canTake("a"))
    restored = QueueState()
    for record in snapshot.prefix(3) { restored.apply(try QueueRecord(decoding: record)) }
    #expect(restored.jobs.count == count && !restored.canTake("a"))
    #expect(restored.jobs.values.count { $0.status.isQueued } == 200)
  }

  /// As an earlier version wrote it: what it did not know of is as in a new entry.
  @Test
  func entriesOfEarlierVersionsAreRead() throws {
    let text =
      #"{"restored":{"_0":\#(String(decoding: try JSONEncoder().encode(submission("a")), as: UTF8.self)),"#
      + #""_1":[{"sequence":7,"status":{"paused":{}},"hasBegun":true}]}}"#
    var state = QueueState()
    state.apply(try QueueRecord(decoding: Array(text.utf8)))
    #expect(state.jobs[id("a")]?.status == .paused(.goesOn) && state.jobs[id("a")]?.sequence == 7)
  }

  @Test
  func deathOfACancelledRunCancelsIt() {
    var state = QueueState()
    state.apply(.submitted(submission("a")))
    state.apply(.began(id("a")))
    state.apply(.cancelRequested(id("a")))
    state.apply(.died(id("a"), progress: nil))
    #expect(state.jobs[id("a")]?.status == .ended(JobEnd(.cancelled)))
  }

  /// Every record, and a snapshot of a state with every status, reads back as it was.
  @Test
  func recordsRoundTrip() throws {
    var state = QueueState()
    var records: [QueueRecord] = [
      .submitted(submission("ä/\"quoted\"\n", jobs: 3)), .submitted(submission("b", jobs: 4, priority: -3)),
      .began(id("b")), .paused(id("b", 1)), .ended(id("b", 2), JobEnd(.failed, problem: "no room")),
      .cancelRequested(id("b")), .died(id("b"), progress: 7), .placed("b"), .restarted(id("b")),
      .began(id("b")), .retried(id("b"), problem: "I/O"), .began(id("b")), .requeued(id("b"), problem: nil),
      .resumed(id("b", 1)), .continued(id("b", 2)), .progressed(id("b")),
      .ended(id("b", 2), JobEnd(.completed)),
      .added("b", [JobDescription("job2"), JobDescription("new")], beginFromNothing: true),
      .submitted(submission("done")), .ended(id("done"), JobEnd(.cancelled)), .forgotten("done"),
      .submitted(submission("late")), .ended(id("late"), JobEnd(.completed)), .concluded("late"),
    ]
    for record in records {
      let fits = state.apply(record)
      #expect(fits, "\(record)")
    }
    records += state.snapshot
    for record in records { #expect(try QueueRecord(decoding: record.encoded()) == record) }
    var restored = QueueState()
    restored.apply(.submitted(submission("of another time")))
    for record in state.snapshot { restored.apply(try QueueRecord(decoding: record.encoded())) }
    #expect(restored == state)
    restored.apply(.submitted(submission("c")))
    state.apply(.submitted(submission("c")))
    #expect(restored == state)
  }

  /// What an earlier version wrote of a job that was paused, cancelled, and got to its end before it had stopped.
  @Test
  func aSecondEndIsNoDamage() throws {
    let records: [QueueRecord] = [
      .submitted(submission("a")), .began(id("a")), .paused(id("a")), .ended(id("a"), JobEnd(.cancelled)),
      .ended(id("a"), JobEnd(.completed)),
    ]
    var passedOver: [String] = []
    let state = QueueState(replaying: try records.map { try $0.encoded() }) { passedOver.append($0) }
    #expect(passedOver.isEmpty && state.jobs[id("a")]?.status == .ended(JobEnd(.cancelled)))
    #expect(!state.accepts(.ended(id("a"), JobEnd(.completed))))
    _ = QueueState(replaying: [try QueueRecord.resumed(id("b")).encoded(), [1]]) { passedOver.append($0) }
    #expect(passedOver.count == 2)
  }

  /// Only the newest ends are remembered, once each, and one that goes on again is no end any more.
  @Test
  func theNewestEndsAreRemembered() {
    var state = QueueState()
    let count = QueueState.mostRemembered + 5
    state.apply(.submitted(submission("a", jobs: count)))
    for job in 0..<count { state.apply(.ended(id("a", job), JobEnd(.failed))) }
    #expect(state.recentlyEnded.map(\.id) == (5..<count).map { id("a", $0) })
    state.apply(.continued(id("a", 7)))
    #expect(!state.recentlyEnded.contains { $0.id == id("a", 7) } && !state.accepts(.forgotten("a")))
    state.apply(.ended(id("a", 7), JobEnd(.completed)))
    let fits = state.apply(.forgotten("a"))
    #expect(fits && state.jobs.isEmpty && state.submissions.isEmpty)
    #expect(state.recentlyEnded.last?.id == id("a", 7))
    #expect(state.status(of: id("a", 7)) == .ended(JobEnd(.completed)))
    state.apply(.submitted(submission("a", jobs: 8)))
    #expect(
      state.status(of: id("a", 7)) == .queued(.first) && !state.recentlyEnded.contains { $0.id == id("a", 7) }
    )
  }
}
