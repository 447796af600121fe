import Foundation

// What others can see of the queue.
extension QueueEngine {
  /// What the queue is like now.
  package func report() -> QueueReport {
    queue.sync {
      QueueReport(
        state: state, dispatcher: dispatcher, notBefore: notBefore, isStopping: isStopping,
        forgottenCount: forgottenJobs.count, storeProblem: storeProblem)
    }
  }

  /// Calls `body` after every change, on the engine's queue: it must be quick.
  package func observe(_ body: @escaping Observer) -> UUID {
    let token = UUID()
    queue.async { [self] in observers[token] = body }
    return token
  }

  /// Calls `then`, once, on the engine's queue, as soon as all of these jobs have ended, maybe at once, with how they did;
  /// those that it does not know count as ended.
  package func whenEnded(_ jobs: Set<JobID>, then: @escaping @Sendable ([JobID: JobEnd]) -> Void) -> UUID {
    let token = UUID()
    queue.async { [self] in
      let open = jobs.filter { !(state.jobs[$0]?.status.hasEnded ?? true) }
      if open.isEmpty {
        then(state.ends(among: jobs))
      } else {
        waiters[token] = Waiter(jobs: jobs, open: open, then: then)
      }
    }
    return token
  }

  /// Forgets an observer, or somebody who waits.
  package func stopObserving(_ token: UUID) {
    queue.async { [self] in
      observers[token] = nil
      waiters[token] = nil
    }
  }

  func tellObservers() {
    guard !changedJobs.isEmpty else { return }
    defer { changedJobs = [] }
    if !observers.isEmpty {
      let change = state.change(of: changedJobs)
      for observer in observers.values { observer(change) }
    }
    for token in Array(waiters.keys) {
      for id in changedJobs { waiters[token]!.take(id, hasEnded: state.jobs[id]?.status.hasEnded ?? true) }
      guard waiters[token]!.open.isEmpty, let waiter = waiters.removeValue(forKey: token) else { continue }
      waiter.then(state.ends(among: waiter.jobs))
    }
  }
}

/// What an observer of the queue is told.
package struct QueueChange: Sendable {
  /// Jobs whose standing has changed, and where they stand now.
  package var jobs: [JobID: JobStatus]
  /// Submissions of which the last job has just ended: how all of them did.
  package var ended: [String: [JobEnd]]
}

extension QueueState {
  fileprivate func ends(among jobs: Set<JobID>) -> [JobID: JobEnd] {
    var ends: [JobID: JobEnd] = [:]
    for id in jobs {
      if case .ended(let end) = status(of: id) { ends[id] = end }
    }
    return ends
  }

  fileprivate func change(of ids: Set<JobID>) -> QueueChange {
    let statuses = ids.compactMap { id in jobs[id].map { (id, $0.status) } }
    let names = Set(statuses.filter { $0.1.hasEnded }.map(\.0.submission))
    return QueueChange(
      jobs: Dictionary(uniqueKeysWithValues: statuses),
      ended: Dictionary(uniqueKeysWithValues: names.compactMap { name in ends(of: name).map { (name, $0) } }))
  }
}
