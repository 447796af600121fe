import Experiments
import Scheduler
import Synchronization

/// How far the running jobs are, for whoever asks.
final class ProgressBoard: Sendable {
  private let entries = Mutex<[JobID: RunProgress]>([:])

  func update(_ id: JobID, _ progress: RunProgress) { entries.withLock { $0[id] = progress } }

  func remove(_ id: JobID) { entries.withLock { _ = $0.removeValue(forKey: id) } }

  subscript(id: JobID) -> RunProgress? { entries.withLock { $0[id] } }
}
