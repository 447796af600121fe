import Experiments
import Files

/// Runs as a table for people: each with its state, how far it is, and what it waits for.
enum StatusTable {
  private static let titles = ["run", "status", "epoch", "step", "validation", "images/s", "waits for"]
  private static let (name, step, speed, remark) = (0, 3, 5, 6)
  /// Columns that a remark gets at least, where there is one.
  private static let leastRemark = 16
  /// Enough to read a run's name by; what runs wait for goes before names have less.
  private static let leastName = 20

  /// A line for each run, aligned, under a header.
  ///
  /// - Parameter width: of the terminal, in columns: what matters least is left out or cut until the table fits, and names
  ///   stay distinct; nil for all of it.
  static func text(_ runs: [StatusRow], width: Int? = nil) -> [String] {
    var rows = [titles] + runs.map(cells)
    var shown = Array(titles.indices)
    var lines = Self.lines(rows, shown)
    guard let width else { return lines }
    func excess() -> Int { (lines.map(\.count).max() ?? 0) - width }
    for column in [speed, step] where excess() > 0 {
      shown.removeAll { $0 == column }
      lines = Self.lines(rows, shown)
    }
    for (column, least) in [(remark, leastRemark), (name, 8)] where excess() > 0 {
      func widest(_ column: Int) -> Int { rows.map { $0[column].count }.max() ?? 0 }
      if column == name, shown.contains(remark),
        widest(name) - excess() < min(leastName, ShortNames.widest(rows.dropFirst().map { $0[name] }))
      {
        shown.removeAll { $0 == remark }
        lines = Self.lines(rows, shown)
      }
      let widest = widest(column)
      let room = max(min(least, widest), widest - excess())
      let cells = rows.dropFirst().map { $0[column] }
      var cut = cells.map { Self.cut($0, room) }
      if column == name {
        let short = ShortNames(cells, width: room)
        cut = short.names
        rows[0][name] = Self.cut(short.title, room)
      }
      for (place, cell) in cut.enumerated() { rows[place + 1][column] = cell }
      lines = Self.lines(rows, shown)
    }
    return lines.map { String($0.prefix(width)) }
  }

  private static func lines(_ rows: [[String]], _ shown: [Int]) -> [String] {
    AlignedTable.lines(rows.map { row in shown.map { row[$0] } }, isText: shown.map { !(2...5).contains($0) })
  }

  private static func cut(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : text.prefix(width - 1) + "…"
  }

  private static func cells(_ run: StatusRow) -> [String] {
    [
      run.name.inMessage(), run.status.rawValue, "\(run.epoch)",
      "\(run.step)" + (run.totalSteps.map { "/\($0)" } ?? ""),
      run.validationAccuracy.map(LogLine.percent) ?? "-", run.imagesPerSecond.map(LogLine.speed) ?? "-",
      run.remark?.inMessage() ?? "",
    ]
  }
}
