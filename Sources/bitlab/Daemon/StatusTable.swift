import Experiments
import Files

/// Runs as a table for people.
enum StatusTable {
  /// A line for each run, aligned, under a header; cut to so many columns where a number is given.
  static func text(_ runs: [StatusRow], columns: Int? = nil) -> [String] {
    let header = ["run", "status", "epoch", "step", "validation", "images/s", "waits for"]
    let isText = header.indices.map { !(2...5).contains($0) }
    let lines = AlignedTable.lines([header] + runs.map(cells), isText: isText)
    return columns.map { count in lines.map { String($0.prefix(count)) } } ?? lines
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
