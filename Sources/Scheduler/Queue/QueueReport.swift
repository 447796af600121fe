import Foundation

/// The queue at a moment, for whoever asks; looking into it keeps nobody waiting.
package struct QueueReport: Sendable {
  package let state: QueueState
  let dispatcher: Dispatcher
  let notBefore: [JobID: Date]
  let isStopping: Bool
  /// Jobs that have ended since the queue began to work, and are forgotten.
  package let forgottenCount: Int
  /// Why the queue's records cannot be written now: until they can, nothing begins.
  package var storeProblem: String?

  /// Why each waiting job waits.
  package var waiting: [JobID: String] {
    var reasons: [JobID: String] = [:]
    var ahead = 0
    let holder = dispatcher.holder
    var isHeldBack = false
    for (id, entry) in queuedJobs {
      if dispatcher.running.contains(id) {
        reasons[id] = "its last attempt to stop"
      } else if let time = notBefore[id] {
        let seconds = max(0, Int(time.timeIntervalSinceNow.rounded(.up)))
        reasons[id] = "another try in \(seconds) s: \(entry.problem ?? "it failed")"
      } else if isStopping {
        reasons[id] = "the daemon to start again"
      } else if let storeProblem {
        reasons[id] = "the journal to be written again: \(storeProblem)"
      } else if entry.isSuspect {
        reasons[id] = "all others: the process died \(entry.deaths) times while it ran, so it runs alone"
      } else if dispatcher.runsAlone {
        reasons[id] = "a run that runs alone"
      } else if let shortage = dispatcher.shortage(of: id) {
        reasons[id] = shortage
        ahead += 1
        if id == holder { isHeldBack = true }
      } else if isHeldBack, let holder {
        reasons[id] = "\(holder), which waits for room and was passed by enough others, to begin first"
        ahead += 1
      } else {
        let place = ahead == 0 ? "next" : "\(ahead) ahead"
        reasons[id] = "a free slot (\(dispatcher.running.count) of \(dispatcher.slots) in use, \(place))"
        ahead += 1
      }
    }
    return reasons
  }

  /// The queued jobs in the order in which they begin.
  private var queuedJobs: [(id: JobID, entry: JobEntry)] {
    let queued = state.jobs.filter { $0.value.status.isQueued }.map { (id: $0.key, entry: $0.value) }
    // The keys of the order alone are moved about: jobs are large, and there may be thousands.
    let keys = queued.indices.map { place in
      (-state.priority(of: queued[place].id), queued[place].entry.sequence, place)
    }
    return keys.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map { queued[$0.2] }
  }

  /// The jobs among `wanted` that the queue knows, all of them for nil, in the order of submission.
  package func jobs(among wanted: Set<JobID>?) -> [(id: JobID, entry: JobEntry)] {
    let found =
      wanted.map { $0.compactMap { id in state.jobs[id].map { (id: id, entry: $0) } } }
      ?? state.jobs.map { (id: $0.key, entry: $0.value) }
    return found.indices.map { (found[$0].entry.sequence, $0) }.sorted { $0.0 < $1.0 }.map { found[$0.1] }
  }
}
