import Experiments
import Files
import Scheduler

/// Rebuilds from the results folders what a damaged journal no longer says, as far as they know it.
///
/// An experiment that the queue has lost is queued again when a run of it is not over; the runs that are over are
/// recognized by their own records when their turn comes. A run whose record says that it was cancelled is cancelled, unless
/// the journal knows that it was queued once more. All else a run finds out by itself: where it goes on, or that it has ended.
///
/// May be done again: what an interrupted repair has done is found done.
struct JournalRepair {
  let results: ResultsFolder
  let files: any FileSystem
  let log: (String) -> Void

  /// Before the queue starts. Throws where the journal cannot be written.
  func mend(_ engine: DaemonCore.Engine) throws {
    try requeueLost(engine)
    try cancelAgain(engine)
    engine.compact()
  }

  private func requeueLost(_ engine: DaemonCore.Engine) throws {
    let known = engine.report().state.submissions
    for name in try results.experimentNames(in: files) where known[name] == nil {
      let folder = results.experiment(name)
      do {
        let experiment = try Experiment(bytes: try files.readAll(folder.configFile), path: folder.configFile)
        let origin = try? files.readText(folder.originFile).split(separator: "\n").first.map(String.init)
        let placed = PlacedExperiment(experiment, name: name, folder: folder, configFolder: origin ?? "")
        guard placed.runs.contains(where: { !isOver($0) }) else { continue }
        log("\(name): the journal has lost it; queued again from \(folder.path)")
        try engine.submit([placed.submission(configFolder: origin ?? "") { _ in true }])
      } catch let error as ConfigurationError {
        log("\(name): the journal has lost it, and its config cannot be read: \(error)")
      }
    }
  }

  private func isOver(_ run: PlacedRun) -> Bool {
    record(JobID(submission: run.experiment, job: run.plan.id))?.status.hasEnded ?? false
  }

  private func cancelAgain(_ engine: DaemonCore.Engine) throws {
    let state = engine.report().state
    let cancelled = state.jobs.filter { id, entry in
      !entry.status.hasEnded && !entry.isOnceMore && record(id)?.status == .cancelled
    }.keys.sorted { $0.description < $1.description }
    for answer in try engine.command(.cancel, cancelled) {
      log("\(answer.id): its record says that it was cancelled")
    }
  }

  private func record(_ id: JobID) -> RunRecord? {
    try? RunRecord(reading: results.experiment(id.submission).run(id.job).recordFile, in: files)
  }
}
