/// What a person can ask of a job.
package enum QueueCommand: String, Sendable, CaseIterable {
  case pause, resume, cancel, restart

  /// What becomes of the request.
  package struct Answer: Sendable, Hashable {
    package let id: JobID
    /// For people: `paused`, `had already completed`.
    package let text: String
    /// Whether the request changed something.
    package var isEffective: Bool { record != nil }
    let record: QueueRecord?
  }

  /// Every pair of request and status has one outcome.
  ///
  /// - Parameter isRunning: whether an execution of the job has not returned yet, whatever its status.
  func answer(_ id: JobID, _ entry: JobEntry?, isRunning: Bool) -> Answer {
    func done(_ text: String, _ record: QueueRecord) -> Answer { Answer(id: id, text: text, record: record) }
    func unchanged(_ text: String) -> Answer { Answer(id: id, text: text, record: nil) }
    guard let entry else { return unchanged("no such run") }
    if entry.status.isBeingCancelled { return unchanged("is being cancelled") }
    switch (self, entry.status) {
    case (.pause, .queued), (.pause, .running): return done("paused", .paused(id))
    case (.pause, .paused): return unchanged("is paused already")
    case (.resume, .paused): return done("resumed", .resumed(id))
    case (.resume, .queued), (.resume, .running): return unchanged("is not paused")
    case (.cancel, .queued), (.cancel, .paused): return done("cancelled", .ended(id, JobEnd(.cancelled)))
    case (.cancel, .running): return done("is being cancelled", .cancelRequested(id))
    case (.restart, .ended) where isRunning: return unchanged("is still stopping; try again in a moment")
    case (.restart, .ended): return done("begins again", .restarted(id))
    case (.restart, _): return unchanged("has not ended; cancel it first")
    case (_, .ended(let end)): return unchanged("has already ended: \(end.kind.rawValue)")
    }
  }
}
