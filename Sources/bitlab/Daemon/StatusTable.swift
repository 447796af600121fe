import Experiments
import Scheduler

/// Runs as a table for people, from the messages that `status` and `watch` exchange.
enum StatusTable {
  /// A line for each run, aligned, under a header; cut to so many columns where a number is given.
  static func text(_ runs: [ControlMessage], columns: Int? = nil) -> [String] {
    let header = ["run", "status", "epoch", "step", "validation", "images/s", "waits for"]
    let rows = [header] + runs.map(cells)
    let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (index, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[index] - cell.count)
        let isNumber = (2...5).contains(index)
        line += (index > 0 ? "  " : "") + (isNumber ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return columns.map { String(line.prefix($0)) } ?? line
    }
  }

  private static func cells(_ run: ControlMessage) -> [String] {
    let step = run["step"]?.integer ?? 0
    let total = run["total_steps"]?.integer.map { "/\($0)" } ?? ""
    return [
      "\(run["experiment"]?.string ?? "")/\(run["run"]?.string ?? "")", run["status"]?.string ?? "",
      "\(run["epoch"]?.integer ?? 0)", "\(step)\(total)",
      run["final_val_accuracy"]?.number.map(LogLine.percent) ?? "-",
      run["images_per_second"]?.number.map(LogLine.speed) ?? "-",
      run["waiting_for"]?.string ?? run["error"]?.string ?? "",
    ]
  }
}
