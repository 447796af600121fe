import CSIMD
import Dispatch
import Synchronization

/// One run's parallel loops. Tasks are handed out one at a time to the run's own thread and to borrowed helpers.
///
/// What a loop computes must not depend on which thread takes a task: tasks write to disjoint memory and each sums in
/// its own order.
package final class Team: @unchecked Sendable {
  // Sendable invariant: `body` and `count` change only while no helper is in the loop; `next` orders the rest.
  private let pool: ComputePool
  /// Threads that may work in one loop, the run's own included; slots are below it.
  package let limit: Int
  private let next = Atomic<Int>(0)
  private var count = 0
  private var body: ((Int, Int) -> Void)?
  private var helpers: [Helper] = []

  /// - Parameter limit: an upper bound for the run's threads; nil for as many as the pool has cores.
  package init(pool: ComputePool, limit: Int? = nil) {
    self.pool = pool
    self.limit = max(1, min(limit ?? pool.cores, pool.cores))
    helpers.reserveCapacity(self.limit)
  }

  /// Calls `body(task, slot)` for every task in `0..<count`; returns when all are done.
  ///
  /// `slot` names the thread's place in this loop, from 0 to `limit - 1`: room that a task works in can belong to it.
  /// To be called by one thread at a time.
  package func forEach(_ count: Int, _ body: (_ task: Int, _ slot: Int) -> Void) {
    if count > 1 && limit > 1 { pool.borrow(min(limit, count) - 1, into: &helpers) }
    guard !helpers.isEmpty else {
      for task in 0..<count { body(task, 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      self.body = body
      self.count = count
      next.store(0, ordering: .releasing)
      for (index, helper) in helpers.enumerated() { helper.offer(self, slot: index + 1) }
      work(slot: 0)
      for helper in helpers { helper.settle() }
      self.body = nil
    }
    pool.giveBack(&helpers)
  }

  fileprivate func takeTask() -> Int? {
    let task = next.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
    return task < count ? task : nil
  }

  func work(slot: Int) {
    guard let body else { return }
    while let task = takeTask() { body(task, slot) }
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
