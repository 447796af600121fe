@preconcurrency import Dispatch
import Experiments
import Synchronization

/// A table of the running runs at the terminal's bottom, redrawn a few times a second; what ends moves above it.
final class LiveTable: RunObserver {
  private let console: Console
  private let slots: Int
  private let state = Mutex(State())
  /// Held while the table is made and shown; runs tell what happens meanwhile without waiting for that. nil once it is closed.
  private let table = Mutex<RunTable?>(RunTable())
  private let timer: any DispatchSourceTimer

  private struct State {
    var board = ProgressBoard()
    /// What runs, in the order in which it began.
    var running: [(name: String, experiment: String, run: String)] = []
    /// Runs of this command.
    var total = 0
    var ended = 0

    mutating func remove(_ name: String) {
      board.end(name)
      running.removeAll { $0.name == name }
    }
  }

  /// - Parameter slots: runs at once.
  init(_ console: Console, slots: Int) {
    self.console = console
    self.slots = slots
    timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "bitlab.table", qos: .utility))
    timer.schedule(deadline: .now() + .milliseconds(100), repeating: .milliseconds(250))
    timer.setEventHandler { [weak self] in self?.redraw() }
    timer.activate()
  }

  func expect(_ total: Int) { state.withLock { $0.total = total } }

  func began(_ run: PlacedRun, _ progress: LiveProgress) {
    state.withLock {
      $0.board.begin(progress)
      $0.running.append((run.name, run.experiment, run.plan.id))
    }
  }

  func happened(_ event: RunEvent, in run: PlacedRun) {
    if case .notice(let text) = event { console.info("\(run.name): \(text)") }
  }

  func stopped(_ run: PlacedRun) {
    state.withLock { $0.remove(run.name) }
    redraw()
  }

  func ended(_ name: String, _ status: RunStatus, problem: String?) {
    let accuracy = state.withLock { $0.board[name] }?.now.validationAccuracy
    var line = "\(name): " + console.styled(status.rawValue, status.style)
    if let accuracy { line += ", validation accuracy \(LogLine.percent(accuracy))" }
    if let problem { line += ": \(problem.inMessage())" }
    state.withLock { state in
      state.remove(name)
      if status.hasEnded { state.ended += 1 }
    }
    // First: the line is shown above the newest table there is.
    redraw()
    console.line(line)
  }

  func say(_ text: String, isProblem: Bool) {
    if isProblem { console.error(text) } else { console.info(text) }
  }

  /// Nothing is left of it.
  func close() {
    timer.cancel()
    table.withLock { table in
      table = nil
      console.show([])
    }
  }

  private func redraw() {
    table.withLock { table in
      if table != nil { console.show(lines(state.withLock(\.self), in: &table!)) }
    }
  }

  private func lines(_ state: State, in table: inout RunTable) -> [String] {
    guard !state.running.isEmpty else { return [] }
    let rows = state.running.map { StatusRow($0.experiment, $0.run, state.board[$0.name]?.now) }
    let waiting = max(0, state.total - state.ended - rows.count)
    let totals = RunTable.Totals(
      running: rows.count, waiting: waiting, ended: state.ended,
      secondsLeft: state.board.secondsLeft(waiting: waiting, slots: slots))
    return console.styledTable(
      table.lines(rows, totals, columns: Console.size.columns, rows: Console.size.rows))
  }
}

extension Console {
  /// A table's header and its last line stand out.
  func styledTable(_ lines: [String]) -> [String] {
    guard lines.count > 1 else { return lines.map { styled($0, .dim) } }
    return [styled(lines[0], .bold)] + lines[1..<lines.count - 1] + [styled(lines[lines.count - 1], .dim)]
  }
}
