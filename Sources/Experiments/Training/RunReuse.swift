import Files
import Synchronization

/// Sees to it that no run is trained twice: one whose equal is training waits for it, and one whose equal has completed takes
/// its results over.
package final class RunReuse: Sendable {
  /// What a run is to do.
  enum Answer {
    case train
    /// Wait for the run of that name, which is the same.
    case wait(for: String)
    /// Take over what is there.
    case takeOver(RunIndex.Entry)
  }

  private let index: RunIndex
  /// The runs in training, by their hashes.
  private let training = Mutex<[String: String]>([:])

  package init(_ index: RunIndex) { self.index = index }

  /// Decides about a run that is to begin. One that is to train is in training until `release`.
  ///
  /// - Parameter mayReuse: whether it may take over results, and wait for them.
  func claim(_ hash: String, for run: PlacedRun, mayReuse: Bool) -> Answer {
    // The look at the disk is outside of the lock; a run that completes is in the index before it is released.
    let other = training.withLock { training -> String? in
      if let other = training[hash], other != run.name { return other }
      training[hash] = run.name
      return nil
    }
    guard mayReuse else { return .train }
    if let other { return .wait(for: other) }
    guard let entry = index.find(hash, otherThan: run) else { return .train }
    return .takeOver(entry)
  }

  func release(_ run: PlacedRun) {
    training.withLock { training in
      guard let hash = training.first(where: { $0.value == run.name })?.key else { return }
      training[hash] = nil
    }
  }

  /// The run of that hash that is in training, if any.
  package func trainee(_ hash: String) -> String? { training.withLock { $0[hash] } }

  /// Takes note of a run that is going to say in its record that it has completed, or says so: were it noted afterwards, a process
  /// that dies in between would leave a run that nobody finds.
  func completes(_ hash: String, _ run: PlacedRun) { index.add(hash, run.name) }

  /// Takes note of a run that was found completed, where nobody knows of one that is equal.
  package func found(_ record: RunRecord) {
    if let hash = record.runHash, !index.has(hash) { index.add(record) }
  }
}
