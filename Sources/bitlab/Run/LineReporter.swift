import Experiments
import Files

/// A line per epoch, for logs and pipes.
final class LineReporter: RunObserver {
  private let console: Console

  init(_ console: Console) { self.console = console }

  func expect(_ total: Int) {}

  func began(_ run: PlacedRun, _ progress: LiveProgress) {}

  func happened(_ event: RunEvent, in run: PlacedRun) {
    switch event {
    case .began(let steps, let total):
      console.info(
        steps == 0
          ? "\(run.name): began, \(total) steps" : "\(run.name): goes on after step \(steps) of \(total)")
    case .step, .checkpointed: break
    case .epoch(let row, let speed):
      console.info("\(run.name): \(LogLine.epoch(row, imagesPerSecond: speed))")
    case .notice(let text): console.info("\(run.name): \(text)")
    }
  }

  func stopped(_ run: PlacedRun) {}

  func ended(_ name: String, _ status: RunStatus, problem: String?) {
    let problem = problem.map { ": \($0.inMessage())" } ?? ""
    if status.hasFailed {
      console.error("\(name): \(status.rawValue)\(problem)")
    } else if console.verbosity > .quiet {
      console.line("\(name): \(console.styled(status.rawValue, status.style))\(problem)")
    }
  }

  func say(_ text: String, isProblem: Bool) {
    if isProblem { console.error(text) } else { console.info(text) }
  }

  func close() {}
}

extension RunStatus {
  /// What tells good ends from bad ones at a glance.
  var style: Console.Style {
    switch self {
    case .completed: .green
    case .queued, .running, .paused, .cancelled: .yellow
    case .diverged, .failed: .red
    }
  }
}
