import Experiments
import Scheduler
import Synchronization

/// One run as the scheduler sees it.
struct TrainingJob: Identifiable, Sendable {
  let run: PlacedRun
  /// How often the run is tried again where the machine failed it.
  let maxRetries: Int
  let control = RunControl()

  var id: String { run.name }
}

/// Runs the scheduler's jobs by training them, and tells an observer what happens.
struct TrainingExecutor: JobExecutor {
  let environment: TrainingEnvironment
  let observer: any RunObserver
  /// Called when a run has ended, with its outcome, before its slot is free again.
  let ended: @Sendable (PlacedRun, RunOutcome) -> Void

  func execute(_ job: TrainingJob) {
    observer.began(job.run)
    let trainer = Trainer(job.run, in: environment, control: job.control) { [observer] in
      observer.happened($0, in: job.run)
    }
    var outcome = trainer()
    for retry in 0..<job.maxRetries {
      // A full disk does not empty itself while the run waits: the same command continues it later.
      guard case .failed(let failure) = outcome, failure.mayPass, !failure.isDiskFull else { break }
      let seconds = Self.pause(beforeRetry: retry)
      let text = "failed: \(failure): trying again in \(Int(seconds)) s, \(retry + 1) of \(job.maxRetries)"
      observer.happened(.notice(text), in: job.run)
      if job.control.waitForRequest(seconds: seconds) { break }
      outcome = trainer()
    }
    observer.ended(job.run, outcome)
    ended(job.run, outcome)
  }

  /// A second, then twice as long each time, ten minutes at most.
  private static func pause(beforeRetry number: Int) -> Double { min(600, Double(1 << min(number, 10))) }

  func askToStop(_ job: TrainingJob) { job.control.request = .pause }
}

/// Shows people what runs do. Called from the runs' threads.
protocol RunObserver: Sendable {
  func began(_ run: PlacedRun)
  func happened(_ event: RunEvent, in run: PlacedRun)
  func ended(_ run: PlacedRun, _ outcome: RunOutcome)
  /// Something to say that is no run's, however quiet the program is to be where it is a problem.
  func say(_ text: String, isProblem: Bool)
  /// All runs have ended.
  func close()
}
