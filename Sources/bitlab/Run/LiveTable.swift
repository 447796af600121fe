@preconcurrency import Dispatch
import Experiments
import Files
import Foundation
import Synchronization

/// A table of the running runs at the terminal's bottom, redrawn a few times a second; what ends moves above it.
final class LiveTable: RunObserver {
  private let console: Console
  private let state = Mutex(State())
  private let timer: any DispatchSourceTimer

  private struct Row {
    var run: PlacedRun
    var progress: RunProgress?
    var validationAccuracy: Double?
    var began = DispatchTime.now()
    var firstStep: Int?
  }

  private struct State {
    var rows: [String: Row] = [:]
    var order: [String] = []
    /// Runs of this command.
    var total = 0
    var ended = 0
    var isClosed = false

    mutating func remove(_ name: String) {
      rows[name] = nil
      order.removeAll { $0 == name }
    }
  }

  init(_ console: Console) {
    self.console = console
    timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "bitlab.table", qos: .utility))
    timer.schedule(deadline: .now() + .milliseconds(100), repeating: .milliseconds(250))
    timer.setEventHandler { [weak self] in self?.redraw() }
    timer.activate()
  }

  func expect(_ total: Int) { state.withLock { $0.total = total } }

  func began(_ run: PlacedRun) {
    state.withLock {
      $0.rows[run.name] = Row(run: run)
      $0.order.append(run.name)
    }
  }

  func happened(_ event: RunEvent, in run: PlacedRun) {
    state.withLock { state in
      switch event {
      case .began, .checkpointed: break
      case .step(let progress):
        if state.rows[run.name]?.firstStep == nil { state.rows[run.name]?.firstStep = progress.step }
        state.rows[run.name]?.progress = progress
      case .epoch(let row, _): state.rows[run.name]?.validationAccuracy = row.validationAccuracy
      case .notice(let text): console.info("\(run.name): \(text)")
      }
    }
  }

  func stopped(_ run: PlacedRun) {
    state.withLock { $0.remove(run.name) }
    redraw()
  }

  func ended(_ name: String, _ status: RunStatus, problem: String?) {
    let accuracy = state.withLock { $0.rows[name]?.validationAccuracy }
    var line = "\(name): " + console.styled(status.rawValue, status.style)
    if let accuracy { line += ", validation accuracy \(LogLine.percent(accuracy))" }
    if let problem { line += ": \(problem.inMessage())" }
    state.withLock { state in
      state.remove(name)
      state.ended += 1
    }
    console.line(line)
    redraw()
  }

  func say(_ text: String, isProblem: Bool) {
    if isProblem { console.error(text) } else { console.info(text) }
  }

  func close() {
    timer.cancel()
    redraw()
    state.withLock { $0.isClosed = true }
  }

  private func redraw() {
    state.withLock { state in
      if !state.isClosed { console.show(table(state)) }
    }
  }

  private func table(_ state: State) -> [String] {
    guard !state.order.isEmpty else { return [] }
    let size = Console.size
    let shown = state.order.prefix(max(1, size.rows - 4))
    let nameWidth = max(3, min(shown.map(\.count).max() ?? 3, size.columns - 60))
    func line(_ cells: [String]) -> String {
      let widths = [9, 9, 10, 12, 10, 9]
      let name = Self.shortened(cells[0], to: nameWidth)
      let padded = name.padding(toLength: nameWidth, withPad: " ", startingAt: 0)
      let rest = zip(cells.dropFirst(), widths).map {
        String(repeating: " ", count: max(0, $1 - $0.count)) + $0
      }
      return String((padded + rest.joined()).prefix(size.columns))
    }
    let header = line(["run", "epoch", "loss", "accuracy", "validation", "images/s", "left"])
    let rows = shown.map { name in line([name] + cells(state.rows[name]!)) }
    let waiting = state.total - state.ended - state.order.count
    let footer =
      "\(state.order.count) running, \(max(0, waiting)) waiting, \(state.ended) of \(state.total) ended"
    return [console.styled(header, .bold)] + rows + [
      console.styled(String(footer.prefix(size.columns)), .dim)
    ]
  }

  /// The name without its middle, where it is too long: the variant stands in front, the seed behind.
  private static func shortened(_ name: String, to width: Int) -> String {
    guard name.count > width, width > 2 else { return String(name.prefix(width)) }
    return name.prefix(width / 2) + "…" + name.suffix(width - width / 2 - 1)
  }

  private func cells(_ row: Row) -> [String] {
    guard let progress = row.progress else { return ["-", "-", "-", "-", "-", "-"] }
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - row.began.uptimeNanoseconds) * 1e-9
    let done = progress.step - (row.firstStep ?? 0)
    let left = done > 0 ? seconds / Double(done) * Double(progress.totalSteps - progress.step) : nil
    return [
      "\(progress.epoch)/\(progress.epochs)", LogLine.loss(progress.trainLoss),
      LogLine.percent(progress.trainAccuracy), row.validationAccuracy.map(LogLine.percent) ?? "-",
      LogLine.speed(progress.imagesPerSecond), left.map(Self.duration) ?? "-",
    ]
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e8).rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return String(format: "%d:%02d", whole / 60, whole % 60) }
    return String(format: "%d:%02d h", whole / 3600, whole % 3600 / 60)
  }
}
