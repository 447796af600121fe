import Dispatch
import Synchronization
import TensorCore
import Testing

@Suite struct TeamTests {
  private static let counts = [0, 1, 2, 3, 7, 8, 31, 1000]

  @Test(arguments: counts, [1, 2, 3, 8])
  func everyTaskRunsOnce(count: Int, limit: Int) {
    let team = Team(pool: ComputePool(cores: 4), limit: limit)
    #expect(team.limit == min(limit, 4))
    for _ in 0..<50 {
      let runs = Mutex([Int](repeating: 0, count: count))
      team.forEach(count) { task, _ in runs.withLock { $0[task] += 1 } }
      #expect(runs.withLock { $0.allSatisfy { $0 == 1 } })
    }
  }

  /// Each thread's share is within one task of as much as the others'.
  @Test(
    arguments: [
      [], [5], [0, 0, 0], [9, 1, 1, 1], [1, 1, 1, 9], Array(1...40), [4096, 4096, 10, 7, 4096],
    ], 1...5)
  func sharesAreOfEqualSize(sizes: [Int], threads: Int) {
    let shares = TaskSizes(sizes)
    let firsts = (0...threads).map { shares.firstTask(ofSlot: $0, threads: threads) }
    #expect(firsts.first == 0 && firsts.last == sizes.count)
    #expect(zip(firsts, firsts.dropFirst()).allSatisfy { $0 <= $1 })
    let total = sizes.reduce(0, +)
    for slot in 1..<max(threads, 1) {
      let before = sizes[..<firsts[slot]].reduce(0, +)
      #expect(before * threads >= slot * total)
      #expect((before - (sizes.max() ?? 0)) * threads <= slot * total)
    }
  }

  @Test(arguments: [1, 2, 3, 4])
  func everyTaskOfUnequalSharesRunsOnce(limit: Int) {
    let team = Team(pool: ComputePool(cores: 4), limit: limit)
    for _ in 0..<200 {
      let runs = PerTask(count: 23, initial: 0)
      team.forEach(runs.count, UnequalLoop(runs: runs, sizes: TaskSizes((0..<23).map { $0 * $0 })))
      #expect((0..<runs.count).allSatisfy { runs[$0] == 1 })
    }
  }

  private struct UnequalLoop: ParallelLoop {
    let runs: PerTask<Int>
    let sizes: TaskSizes

    func run(_ task: Int, slot: Int) { runs[task] += 1 }

    func firstTask(ofSlot slot: Int, threads: Int, count: Int) -> Int {
      sizes.firstTask(ofSlot: slot, threads: threads)
    }
  }

  /// Room that belongs to a slot is never used by two threads at once.
  @Test(arguments: [1, 2, 3, 4])
  func slotsAreNotShared(limit: Int) {
    let team = Team(pool: ComputePool(cores: 4), limit: limit)
    let busy = Mutex(Set<Int>())
    let violations = Mutex(0)
    for _ in 0..<200 {
      team.forEach(20) { _, slot in
        let isFree = busy.withLock { $0.insert(slot).inserted }
        if !isFree || !(0..<limit).contains(slot) { violations.withLock { $0 += 1 } }
        for _ in 0..<50 { lookAtTheClock() }
        busy.withLock { _ = $0.remove(slot) }
      }
    }
    #expect(violations.withLock { $0 } == 0)
  }

  /// Sums that each task takes in its own order have the same bits whoever takes the tasks.
  @Test func sumsDoNotDependOnTheLimit() {
    var numbers = TestNumbers(seed: 1)
    let storage = FloatStorage(count: 100_003)
    storage.all.fill(from: &numbers)
    let values = storage.all
    let sums = [1, 2, 3, 8].map { limit in
      let parts = PerTask(count: 101, initial: 0.0)
      Team(pool: ComputePool(cores: 8), limit: limit).forEach(parts.count) { task, _ in
        parts[task] = values[task * 990..<min(values.count, (task + 1) * 990)].sum()
      }
      return (0..<parts.count).reduce(0) { $0 + parts[$1] }.bitPattern
    }
    #expect(Set(sums).count == 1)
  }

  @Test func severalTeamsShareAPool() {
    let pool = ComputePool(cores: 3)
    let wrong = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 5) { number in
      let team = Team(pool: pool, limit: number % 3 + 1)
      pool.withRun {
        for round in 0..<400 {
          let count = (round * 7 + number) % 23
          let total = Atomic<Int>(0)
          team.forEach(count) { task, _ in total.wrappingAdd(task + 1, ordering: .relaxed) }
          if total.load(ordering: .relaxed) != count * (count + 1) / 2 { wrong.withLock { $0 += 1 } }
        }
      }
    }
    #expect(wrong.withLock { $0 } == 0)
    // All helpers came back: a team of three still meets.
    #expect(Meeting.ofTeam(Team(pool: pool), members: 3))
  }
}

/// A few instructions that the optimizer keeps.
private func lookAtTheClock() { _ = DispatchTime.now().uptimeNanoseconds }
