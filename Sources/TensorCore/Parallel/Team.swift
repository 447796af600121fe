import CSIMD
import Dispatch
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
}

/// One run's parallel loops. Tasks are handed out one at a time to the run's own thread and to borrowed helpers.
package final class Team: @unchecked Sendable {
  // Sendable invariant: `loop` changes only while no helper is in the loop; `next` orders the rest.
  private let pool: ComputePool
  /// Threads that may work in one loop, the run's own included; slots are below it.
  package let limit: Int
  private let next = Atomic<Int>(0)
  private var loop: CurrentLoop?
  private var helpers: [Helper] = []

  /// The loop under way. It stays where `forEach` has it, on the stack of the run's thread, until all tasks are done.
  private struct CurrentLoop {
    let type: any ParallelLoop.Type
    let address: UnsafeRawPointer
    let count: Int
  }

  /// - Parameter limit: an upper bound for the run's threads; nil for as many as the pool has cores.
  package init(pool: ComputePool, limit: Int? = nil) {
    self.pool = pool
    self.limit = max(1, min(limit ?? pool.cores, pool.cores))
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
      self.loop = CurrentLoop(type: Loop.self, address: pointer, count: count)
      next.store(0, ordering: .releasing)
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
    loop.type.work(loop.address, slot: slot) {
      let task = next.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
      return task < loop.count ? task : nil
    }
  }
}

extension ParallelLoop {
  fileprivate static func work(_ address: UnsafeRawPointer, slot: Int, nextTask: () -> Int?) {
    let loop = address.assumingMemoryBound(to: Self.self)
    while let task = nextTask() { loop.pointee.run(task, slot: slot) }
  }
}

/// Waits for a signal, the first tens of microseconds without giving up the core: loops follow each other closely.
func spinThenWait(_ semaphore: DispatchSemaphore) {
  for _ in 0..<1_000 {
    if semaphore.wait(timeout: .now()) == .success { return }
    for _ in 0..<8 { csimd_pause() }
  }
  semaphore.wait()
}
