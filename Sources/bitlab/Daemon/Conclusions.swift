import CSystem
import Dispatch
import Files
import Scheduler
import Synchronization

/// Does what follows an experiment's end: its files are written in full, the person's command is told, and the queue takes
/// note. What a process that dies leaves undone the next one does.
final class Conclusions: Sendable {
  private let engine: DaemonCore.Engine
  private let reports: ReportWriter
  private let hook: FinishHook?
  private let report: @Sendable (Submission) throws -> ExperimentReport
  /// Writes the records of runs that ended without one; returns whether there were any.
  private let writeRecords: @Sendable (Submission, [JobEnd]) throws -> Bool
  private let log: @Sendable (String) -> Void
  /// Seconds until files that could not be written are tried again.
  private let retryDelay: Double
  private let queue = DispatchQueue(label: "bitlab.conclusions", qos: .utility)
  /// Jobs that have ended since memory was given back.
  private let endedSince = Mutex(0)
  private static let mostEndedSince = 1_000

  init(
    _ engine: DaemonCore.Engine, reports: ReportWriter, hook: FinishHook?, retryDelay: Double,
    log: @escaping @Sendable (String) -> Void,
    report: @escaping @Sendable (Submission) throws -> ExperimentReport,
    writeRecords: @escaping @Sendable (Submission, [JobEnd]) throws -> Bool
  ) {
    self.writeRecords = writeRecords
    self.engine = engine
    self.reports = reports
    self.hook = hook
    self.retryDelay = retryDelay
    self.log = log
    self.report = report
  }

  /// Concludes what the last process left, and from now on what ends.
  func start() {
    let left = engine.report().state.unconcluded
    _ = engine.observe { [weak self] change in
      guard !change.ended.isEmpty else { return }
      self?.later { $0.conclude(change.ended.keys.sorted()) }
    }
    later { conclusions in
      for name in left {
        guard let submission = conclusions.engine.submission(named: name) else { continue }
        do {
          conclusions.reports.update(try conclusions.report(submission))
        } catch {
          conclusions.log("\(name): its summary cannot be written: \(error)")
        }
      }
      conclusions.conclude(left)
    }
  }

  /// Returns when what has ended is concluded, as far as the disk allows.
  func finish() {
    queue.sync {}
    // What has not been told is told by the next process.
    hook?.close()
    // What was handed to the engine is through.
    _ = engine.report()
  }

  private func conclude(_ names: [String]) {
    defer { giveBackMemory() }
    for name in names {
      // It may have gone on meanwhile: then it ends again.
      guard let submission = engine.submission(named: name), let ends = engine.ends(of: name) else {
        continue
      }
      guard isWritten(submission, ends), reports.flush(name) else {
        later(after: retryDelay) { $0.conclude([name]) }
        continue
      }
      endedSince.withLock { $0 += ends.count }
      guard let hook else {
        engine.concluded(name)
        continue
      }
      // A process that dies before its turn leaves it to the next one.
      hook.tell(
        name, ends: { [engine] in engine.ends(of: name) }, told: { [engine] in engine.concluded(name) })
    }
  }

  /// What was held of many jobs lies between what stays, and is not given back by itself.
  private func giveBackMemory() {
    let isDue = endedSince.withLock { count in
      guard count >= Self.mostEndedSince else { return false }
      count = 0
      return true
    }
    if isDue { csystem_trim_heaps() }
  }

  /// Whether each run has a record of how it ended; those that never began get one now.
  private func isWritten(_ submission: Submission, _ ends: [JobEnd]) -> Bool {
    do {
      // One that only has another config now has no run that would write it.
      if try writeRecords(submission, ends) || !submission.isPlaced { reports.update(try report(submission)) }
      return true
    } catch let error as FileError {
      log("\(submission.name): \(error)")
      return false
    } catch {
      // Somebody has removed the experiment, and there is nothing to say it in.
      log("\(submission.name): \(error)")
      return true
    }
  }

  private func later(after seconds: Double = 0, _ body: @escaping @Sendable (Conclusions) -> Void) {
    queue.asyncAfter(deadline: .now() + seconds) { [weak self] in
      if let self { body(self) }
    }
  }
}
