import Experiments

/// A line per epoch, for logs and pipes.
final class LineReporter: RunObserver {
  private let console: Console

  init(_ console: Console) { self.console = console }

  func began(_ run: PlacedRun) {}

  func happened(_ event: RunEvent, in run: PlacedRun) {
    switch event {
    case .began(let steps, let total):
      console.info(
        steps == 0
          ? "\(run.name): began, \(total) steps" : "\(run.name): goes on after step \(steps) of \(total)")
    case .step: break
    case .epoch(let row, let speed):
      console.info("\(run.name): \(LogLine.epoch(row, imagesPerSecond: speed))")
    case .notice(let text): console.info("\(run.name): \(text)")
    }
  }

  func ended(_ run: PlacedRun, _ outcome: RunOutcome) {
    RunObserverText.announce(run, outcome, console)
  }

  func say(_ text: String, isProblem: Bool) {
    if isProblem { console.error(text) } else { console.info(text) }
  }

  func close() {}
}

/// What every observer says at a run's end.
enum RunObserverText {
  static func announce(_ run: PlacedRun, _ outcome: RunOutcome, _ console: Console) {
    switch outcome {
    case .completed: console.info("\(run.name): \(console.styled("completed", .green))")
    case .paused: console.info("\(run.name): \(console.styled("paused", .yellow))")
    case .cancelled: console.info("\(run.name): \(console.styled("cancelled", .yellow))")
    case .diverged(let problem): console.error("\(run.name): \(console.styled("diverged", .red)): \(problem)")
    case .failed(let failure): console.error("\(run.name): \(console.styled("failed", .red)): \(failure)")
    }
  }
}
