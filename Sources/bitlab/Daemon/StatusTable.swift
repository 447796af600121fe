import Experiments
import Files

/// Runs as a table for people.
enum StatusTable {
  /// A line for each run, aligned, under a header; cut to so many columns where a number is given.
  static func text(_ runs: [StatusRow], columns: Int? = nil) -> [String] {
    let header = ["run", "status", "epoch", "step", "validation", "images/s", "waits for"]
    let rows = [header] + runs.map(cells)
    let widths = header.indices.map { column in rows.map { width($0[column]) }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (index, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[index] - width(cell))
        let isNumber = (2...5).contains(index)
        line +=
          (index > 0 ? "  " : "")
          + (isNumber ? padding + cell : index + 1 < row.count ? cell + padding : cell)
      }
      while line.last == " " { line.removeLast() }
      return columns.map { String(line.prefix($0)) } ?? line
    }
  }

  /// Characters; bytes where that is the same, which is quicker to know.
  private static func width(_ cell: String) -> Int {
    cell.utf8.allSatisfy { $0 < 0x80 } ? cell.utf8.count : cell.count
  }

  private static func cells(_ run: StatusRow) -> [String] {
    [
      run.name.inMessage(), run.status, "\(run.epoch)",
      "\(run.step)" + (run.totalSteps.map { "/\($0)" } ?? ""),
      run.validationAccuracy.map(LogLine.percent) ?? "-", run.imagesPerSecond.map(LogLine.speed) ?? "-",
      run.remark?.inMessage() ?? "",
    ]
  }
}
