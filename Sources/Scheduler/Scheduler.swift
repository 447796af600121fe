import Dispatch
import Synchronization

/// What the scheduler runs. It knows nothing of what a job computes.
package protocol JobExecutor: Sendable {
  associatedtype Job: Identifiable & Sendable where Job.ID: Sendable

  /// Runs a job to its end, on the calling thread.
  func execute(_ job: Job)

  /// Asks a running job to stop soon; called from any thread, maybe more than once.
  func askToStop(_ job: Job)
}

/// Runs jobs on Dispatch threads, as many at once as it has slots.
package final class Scheduler<Executor: JobExecutor>: Sendable {
  private let executor: Executor
  private let state: Mutex<State>
  private let idle = DispatchGroup()

  private struct State: Sendable {
    var queue: JobQueue<Executor.Job.ID>
    var jobs: [Executor.Job.ID: Executor.Job] = [:]
  }

  package init(_ executor: Executor, slots: Int) {
    self.executor = executor
    state = Mutex(State(queue: JobQueue(slots: slots)))
  }

  /// Adds a job; it begins at once where a slot is free. An id may come again only after its job has ended.
  package func submit(_ job: Executor.Job, priority: Int = 0) {
    let begun = state.withLock { state in
      state.jobs[job.id] = job
      return begin(state.queue.submit(job.id, priority: priority), state.jobs)
    }
    launch(begun)
  }

  /// Begins nothing more and asks what runs to stop.
  package func stop() {
    let running = state.withLock { state in state.queue.stop().compactMap { state.jobs[$0] } }
    for job in running { executor.askToStop(job) }
  }

  /// Blocks until nothing runs and nothing more will begin.
  package func waitUntilIdle() { idle.wait() }

  private func begin(_ ids: [Executor.Job.ID], _ jobs: [Executor.Job.ID: Executor.Job]) -> [Executor.Job] {
    // Entered under the lock, so that between one job's end and the next one's beginning nobody sees an idle scheduler.
    ids.map {
      idle.enter()
      return jobs[$0]!
    }
  }

  private func launch(_ jobs: [Executor.Job]) {
    for job in jobs {
      // A serial queue has a thread of its own: a job blocks it for as long as it takes.
      DispatchQueue(label: "bitlab.run.\(job.id)", qos: .userInitiated).async { [self] in
        executor.execute(job)
        ended(job)
      }
    }
  }

  private func ended(_ job: Executor.Job) {
    let begun = state.withLock { state in
      state.jobs[job.id] = nil
      return begin(state.queue.ended(job.id), state.jobs)
    }
    launch(begun)
    idle.leave()
  }
}
