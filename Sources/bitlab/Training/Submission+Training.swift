import Experiments
import Scheduler

extension Submission {
  /// The config's hash, which its fingerprint begins with.
  var configHash: String { String(fingerprint.prefix { $0 != " " }) }
}

extension RunStatus {
  /// What the queue's word for a job is for its run.
  init(_ status: JobStatus) {
    self =
      switch status {
      case .queued: .queued
      case .running: .running
      case .paused: .paused
      case .ended(let end): RunStatus(end.kind)
      }
  }

  init(_ kind: JobEnd.Kind) {
    self =
      switch kind {
      case .completed: .completed
      case .failed: .failed
      case .diverged: .diverged
      case .cancelled: .cancelled
      }
  }
}

extension JobDescription {
  /// A run, with what `status` says of it before it has begun.
  init(_ run: RunPlan) {
    self.init(
      run.id,
      labels: [
        "variant": run.variant, "seed": String(run.seed), "bits": String(run.precision.rawValue),
        "method": run.precision == .full ? "" : run.method.rawValue,
        "grid": run.gridPoint.isEmpty ? "" : run.grid.canonical,
      ])
  }
}

extension PlacedExperiment {
  /// A submission of the runs that are to run, for an experiment whose config is in its folder already.
  ///
  /// - Parameters:
  ///   - config: the config's text; nil where nobody asks for it again.
  ///   - configFolder: where the config came from, if that matters.
  ///   - reuses: whether the runs may take over what equal ones have done.
  func submission(
    config: String?, configFolder: String = "", reuses: Bool = true, where isPending: (PlacedRun) -> Bool
  ) -> Submission {
    Submission(
      name: name, payload: config, folder: configFolder,
      jobs: runs.filter(isPending).map { JobDescription($0.plan) }, priority: experiment.priority,
      maxRetries: experiment.maxRetries,
      fingerprint: experiment.configHash + (configFolder.isEmpty ? "" : " " + configFolder),
      reuses: reuses, isPlaced: true)
  }
}
