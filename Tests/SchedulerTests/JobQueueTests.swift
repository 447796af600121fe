import Testing

@testable import Scheduler

struct JobQueueTests {
  @Test func asManyBeginAsThereAreSlots() {
    var queue = JobQueue<String>(slots: 2)
    #expect(queue.isIdle)
    #expect(queue.submit("a", priority: 0) == ["a"])
    #expect(queue.submit("b", priority: 0) == ["b"])
    #expect(queue.submit("c", priority: 9) == [])
    #expect(queue.running == ["a", "b"] && queue.waitingCount == 1 && !queue.isIdle)
    #expect(queue.ended("a") == ["c"])
    #expect(queue.ended("c") == [] && queue.ended("b") == [])
    #expect(queue.isIdle)
  }

  @Test func higherPriorityFirstThenFirstCome() {
    var queue = JobQueue<String>(slots: 1)
    #expect(queue.submit("running", priority: -5) == ["running"])
    for (id, priority) in [("a", 0), ("b", 1), ("c", 0), ("d", -1), ("e", 1), ("f", .min), ("g", .max)] {
      #expect(queue.submit(id, priority: priority) == [])
    }
    var order: [String] = []
    var current = "running"
    while let next = queue.ended(current).first {
      order.append(next)
      current = next
    }
    #expect(order == ["g", "b", "e", "a", "c", "d", "f"])
  }

  @Test func aStoppedQueueBeginsNothing() {
    var queue = JobQueue<Int>(slots: 2)
    for id in 0..<5 { _ = queue.submit(id, priority: 0) }
    #expect(queue.stop() == [0, 1])
    #expect(queue.isStopped && !queue.isIdle)
    #expect(queue.submit(5, priority: 9) == [])
    #expect(queue.ended(1) == [] && queue.ended(0) == [])
    #expect(queue.isIdle && queue.waitingCount == 4)
    #expect(queue.stop() == [])
  }

  @Test func aJobThatEndedMayComeAgain() {
    var queue = JobQueue<Int>(slots: 1)
    #expect(queue.submit(7, priority: 0) == [7])
    #expect(queue.ended(7) == [])
    #expect(queue.submit(7, priority: 0) == [7])
  }

  /// Compared with a list that is sorted anew each time.
  @Test(arguments: [1, 2, 3, 7]) func anyCourseOfEventsKeepsTheOrder(slots: Int) throws {
    var queue = JobQueue<Int>(slots: slots)
    var waiting: [(id: Int, priority: Int)] = []
    var running: Set<Int> = []
    var random = Generator(state: UInt64(slots))
    func next() -> [Int] {
      waiting.sort { ($0.priority, -$0.id) > ($1.priority, -$1.id) }
      let begun = waiting.prefix(max(0, slots - running.count)).map(\.id)
      waiting.removeFirst(begun.count)
      running.formUnion(begun)
      return begun
    }
    for id in 0..<2_000 {
      let priority = Int.random(in: -3...3, using: &random)
      waiting.append((id, priority))
      try #require(queue.submit(id, priority: priority) == next())
      while Bool.random(using: &random), let ended = running.sorted().randomElement(using: &random) {
        running.remove(ended)
        try #require(queue.ended(ended) == next())
      }
      #expect(queue.running == running && queue.waitingCount == waiting.count)
    }
  }

  @Test func manyJobsAreNoWork() {
    var queue = JobQueue<String>(slots: 1)
    for id in 0..<100_000 { _ = queue.submit("\(id)", priority: id % 5) }
    var ended = 0
    while let id = queue.running.first {
      _ = queue.ended(id)
      ended += 1
    }
    #expect(ended == 100_000 && queue.isIdle)
  }
}

/// Numbers from a fixed seed (SplitMix64), so that a failure repeats.
private struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
