import Experiments
import Files
import Scheduler

/// Looks up in the results folders what the bytes that remain of a journal cannot vouch for, as far as the folders know it.
///
/// An experiment that the queue does not know is queued again when a run of it is not over; the runs that are over are
/// recognized by their own records when their turn comes. A run whose record says that it was cancelled is cancelled, unless
/// the journal knows that it was queued once more; one whose record says that it was paused is paused. All else a run finds
/// out by itself: where it goes on, or that it has ended.
///
/// May be done again: what an interrupted repair has done is found done.
struct JournalRepair {
  let results: ResultsFolder
  let files: any FileSystem
  let log: (String) -> Void

  /// Before the queue starts. Throws where the journal cannot be written.
  func mend(_ engine: DaemonCore.Engine) throws {
    try requeueLost(engine)
    try repeatCommand(.cancel, of: .cancelled, "cancelled", engine) { !$0.isQueuedOnceMore }
    try repeatCommand(.pause, of: .paused, "paused", engine) { !$0.status.isPaused }
    engine.compact()
  }

  private func requeueLost(_ engine: DaemonCore.Engine) throws {
    let known = engine.report().state.submissions
    for name in try results.experimentNames(in: files) where known[name] == nil {
      let folder = results.experiment(name)
      do {
        guard let placed = try PlacedExperiment(reading: name, in: results, files) else { continue }
        let config = try files.readText(folder.configFile)
        let open = Set(placed.runs.lazy.filter { !isOver($0) }.map(\.plan.id))
        guard !open.isEmpty else { continue }
        let submission = placed.submission(
          config: config, configFolder: placed.configFolder
        ) { open.contains($0.plan.id) }
        if let problem = Admission.sizeProblem(submission) {
          log(
            "\(name): the queue does not know it, and cannot take it: \(problem), or train it with `bitlab run`"
          )
          continue
        }
        log("\(name): the queue does not know it; queued again from \(folder.path)")
        try engine.submit([submission])
      } catch let error as ConfigurationError {
        log("\(name): the queue does not know it, and its config cannot be read: \(error)")
      } catch let error as FileError where error.path == folder.configFile {
        log("\(name): the queue does not know it: \(error)")
      }
    }
  }

  private func isOver(_ run: PlacedRun) -> Bool {
    record(JobID(submission: run.experiment, job: run.plan.id))?.status.hasEnded ?? false
  }

  /// Does to open jobs what their records say has been done to them.
  private func repeatCommand(
    _ command: QueueCommand, of status: RunStatus, _ word: String, _ engine: DaemonCore.Engine,
    where mayBe: (JobEntry) -> Bool
  ) throws {
    let state = engine.report().state
    let ids = state.jobs.filter { id, entry in
      !entry.status.hasEnded && mayBe(entry) && record(id)?.status == status
    }.keys.sorted { $0.description < $1.description }
    for answer in try engine.command(command, ids) where answer.isEffective {
      log("\(answer.id): its record says that it was \(word)")
    }
  }

  private func record(_ id: JobID) -> RunRecord? {
    try? RunRecord(reading: results.experiment(id.submission).run(id.job).recordFile, in: files)
  }
}
