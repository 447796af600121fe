import Synchronization

/// What a parallel loop does with each of its tasks.
///
/// What a loop computes must not depend on which thread takes a task: tasks write to disjoint memory and each sums in
/// its own order. A training step's loops are types of their own instead of closures, which would each be allocated
/// when a helper joins in.
package protocol ParallelLoop {
  /// Does one task.
  ///
  /// - Parameter slot: the thread's place in this loop, from 0 to the team's `limit - 1`: room that a task works in can
  ///   belong to it.
  func run(_ task: Int, slot: Int)

  /// The first of the tasks that a thread begins with; those of `slot` end where those of `slot + 1` begin.
  ///
  /// - Parameter count: of all tasks.
  func firstTask(ofSlot slot: Int, threads: Int, count: Int) -> Int
}

extension ParallelLoop {
  /// As many tasks for each thread.
  package func firstTask(ofSlot slot: Int, threads: Int, count: Int) -> Int { slot * count / threads }
}

/// Shares of tasks of different size, so that each thread begins with as much to do, whatever the loop.
package struct TaskSizes: Sendable {
  /// The sizes of all tasks before each one, and of all.
  private let before: [Int]

  package init(_ sizes: [Int]) {
    before = sizes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
  }

  /// The first task that begins behind the shares of the threads before.
  package func firstTask(ofSlot slot: Int, threads: Int) -> Int {
    let (count, total) = (before.count - 1, before[before.count - 1])
    if slot == threads { return count }
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if before[middle] * threads >= slot * total { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// One run's parallel loops, for its own thread and borrowed helpers.
///
/// Each thread begins with tasks of its own, the same in every loop of as many threads, so that what it computed in one
/// loop or step is still in its caches in the next. Who has done all of his takes the others' that nobody has begun.
package final class Team: @unchecked Sendable {
  // Sendable invariant: `loop` changes only while no helper is in the loop; the shares' counters order the rest.
  private let pool: ComputePool
  /// Threads that may work in one loop, the run's own included; slots are below it.
  package let limit: Int
  /// By slot.
  private let shares: [Share]
  private var loop: CurrentLoop?
  private var helpers: [Helper] = []

  /// The loop under way. It stays where `forEach` has it, on the stack of the run's thread, until all tasks are done.
  private struct CurrentLoop {
    let type: any ParallelLoop.Type
    let address: UnsafeRawPointer
    let threads: Int
  }

  /// The tasks that one thread begins with: it takes them from the front, others from the back.
  private final class Share: Sendable {
    /// The first and the end of those that nobody has begun, in one word.
    private let open = Atomic<UInt64>(0)
    /// The words of two threads in one cache line would go to and fro.
    private let padding = InlineArray<8, Int>(repeating: 0)

    func fill(_ tasks: Range<Int>) {
      open.store(UInt64(tasks.lowerBound) << 32 | UInt64(tasks.upperBound), ordering: .relaxed)
    }

    func takeFirst() -> Int? { take { (first, end) in (first, first + 1, end) } }

    func takeLast() -> Int? { take { (first, end) in (end - 1, first, end - 1) } }

    @inline(__always)
    private func take(
      _ choose: (_ first: UInt64, _ end: UInt64) -> (task: UInt64, first: UInt64, end: UInt64)
    ) -> Int? {
      var found = open.load(ordering: .relaxed)
      while true {
        let (first, end) = (found >> 32, found & 0xffff_ffff)
        guard first < end else { return nil }
        let choice = choose(first, end)
        let (taken, now) = open.weakCompareExchange(
          expected: found, desired: choice.first << 32 | choice.end, ordering: .acquiringAndReleasing)
        if taken { return Int(choice.task) }
        found = now
      }
    }
  }

  /// - Parameter limit: an upper bound for the run's threads; nil for as many as the pool has cores.
  package init(pool: ComputePool, limit: Int? = nil) {
    self.pool = pool
    self.limit = max(1, min(limit ?? pool.cores, pool.cores))
    shares = (0..<self.limit).map { _ in Share() }
    helpers.reserveCapacity(self.limit)
  }

  /// Runs every task in `0..<count`; returns when all are done. To be called by one thread at a time.
  package func forEach<Loop: ParallelLoop>(_ count: Int, _ loop: Loop) {
    if count > 1 && limit > 1 { pool.borrow(min(limit, count) - 1, into: &helpers) }
    guard !helpers.isEmpty else {
      for task in 0..<count { loop.run(task, slot: 0) }
      return
    }
    withUnsafePointer(to: loop) { pointer in
      let threads = helpers.count + 1
      self.loop = CurrentLoop(type: Loop.self, address: pointer, threads: threads)
      for slot in 0..<threads {
        let first = loop.firstTask(ofSlot: slot, threads: threads, count: count)
        shares[slot].fill(first..<loop.firstTask(ofSlot: slot + 1, threads: threads, count: count))
      }
      // An offer releases what was stored before it.
      for (index, helper) in helpers.enumerated() { helper.offer(self, slot: index + 1) }
      work(slot: 0)
      for helper in helpers { helper.settle() }
      self.loop = nil
    }
    pool.giveBack(&helpers)
  }

  /// Calls `body(task, slot)` for every task in `0..<count`.
  package func forEach(_ count: Int, _ body: (_ task: Int, _ slot: Int) -> Void) {
    withoutActuallyEscaping(body) { forEach(count, ClosureLoop(body: $0)) }
  }

  private struct ClosureLoop: ParallelLoop {
    let body: (Int, Int) -> Void

    func run(_ task: Int, slot: Int) { body(task, slot) }
  }

  func work(slot: Int) {
    guard let loop else { return }
    let own = shares[slot]
    loop.type.work(loop.address, slot: slot) {
      if let task = own.takeFirst() { return task }
      for other in 1..<loop.threads {
        if let task = shares[(slot + other) % loop.threads].takeLast() { return task }
      }
      return nil
    }
  }
}

extension ParallelLoop {
  fileprivate static func work(_ address: UnsafeRawPointer, slot: Int, nextTask: () -> Int?) {
    // Once: each copy counts the references in it.
    let loop = address.assumingMemoryBound(to: Self.self).pointee
    while let task = nextTask() { loop.run(task, slot: slot) }
  }
}

/// One value for each task of a parallel loop, written by the tasks and read, in order, when the loop has ended.
package final class PerTask<Value: Sendable>: @unchecked Sendable {
  // Sendable invariant: within a loop each task touches its own value only.
  private let values: UnsafeMutableBufferPointer<Value>

  package init(count: Int, initial: Value) {
    values = .allocate(capacity: count)
    values.initialize(repeating: initial)
  }

  deinit {
    values.deinitialize()
    values.deallocate()
  }

  package var count: Int { values.count }

  package subscript(task: Int) -> Value {
    get {
      precondition(task >= 0 && task < values.count, "PerTask: task \(task) outside 0..<\(values.count)")
      return values[task]
    }
    set {
      precondition(task >= 0 && task < values.count, "PerTask: task \(task) outside 0..<\(values.count)")
      values[task] = newValue
    }
  }
}
