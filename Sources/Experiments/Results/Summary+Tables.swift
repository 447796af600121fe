import Foundation

/// The summary for people: accuracies in percent, sizes and times in fitting units.
extension Summary {
  /// The text of `summary.md`, with a table as GitHub draws it.
  package var markdown: String {
    var lines = ["# \(experiment)", ""]
    let columns = columns
    lines.append("| " + columns.map(\.title).map(Self.escaped).joined(separator: " | ") + " |")
    lines.append("|" + columns.map { $0.isText ? ":---|" : "---:|" }.joined())
    for row in rows.indices {
      lines.append("| " + columns.map { Self.escaped($0.cells[row]) }.joined(separator: " | ") + " |")
    }
    lines += ["", Self.legend, ""]
    return lines.joined(separator: "\n")
  }

  /// The table for a terminal: aligned, without a line feed at the end.
  ///
  /// - Parameter width: of the terminal, in columns: what matters least is left out until the table fits; nil for all of it.
  package func table(width: Int? = nil) -> String {
    var columns = columns
    var lines = Self.lines(columns)
    guard let width else { return lines.joined(separator: "\n") }
    func isTooWide() -> Bool { lines.contains { $0.count > width } }
    func shortenKeys(_ shorter: (Substring) -> Substring) {
      for index in columns.indices where columns[index].isKey {
        columns[index].title = String(shorter(columns[index].title[...]))
      }
      lines = Self.lines(columns)
    }
    func sacrifice(upTo last: Int) {
      while isTooWide(), let least = columns.compactMap(\.sacrifice).min(), least <= last {
        columns.removeAll { $0.sacrifice == least }
        lines = Self.lines(columns)
      }
    }
    if isTooWide() { shortenKeys(ShortKey.withoutSection) }
    sacrifice(upTo: Self.lastButTheGap)
    if isTooWide() { shortenKeys(ShortKey.initials) }
    sacrifice(upTo: .max)
    return lines.joined(separator: "\n")
  }

  /// The last column that is left out before the names of the grid's keys are shortened.
  private static let lastButTheGap = 7

  private static func lines(_ columns: [Column]) -> [String] {
    let count = columns.first?.cells.count ?? 0
    return AlignedTable.lines(
      [columns.map(\.title)] + (0..<count).map { row in columns.map { $0.cells[row] } },
      isText: columns.map(\.isText))
  }

  static let legend = """
    Accuracy is that on the validation set after the last step: mean ± sample standard deviation over the
    completed runs, with the 95% confidence interval of the mean after Student. Best is the mean of each
    run's best epoch. The gap is that to full precision in percentage points, positive where full precision
    is better. Weights are counted as packed.
    """

  private struct Column {
    var title: String
    var isText = false
    /// Whether its title is a config's key.
    var isKey = false
    /// Which goes first where there is no room; nil for one that stays.
    var sacrifice: Int?
    var cells: [String]
  }

  private var columns: [Column] {
    func column(
      _ title: String, isText: Bool = false, sacrifice: Int? = nil, _ cell: (SummaryRow) -> String?
    ) -> Column {
      Column(title: title, isText: isText, sacrifice: sacrifice, cells: rows.map { cell($0) ?? "-" })
    }
    let grid = gridKeys.indices.map { index in
      var axis = column(gridKeys[index]) { $0.grid[index].text }
      axis.isKey = true
      return axis
    }
    // That all has come to a good end says nothing that the others do not.
    let isDone = rows.allSatisfy { $0.status == .completed }
    return [column("variant", isText: true, \.variant)] + grid + [
      column("bits", sacrifice: 6) { String($0.bits) },
      column("runs") { $0.completed == $0.seeds ? String($0.seeds) : "\($0.completed) of \($0.seeds)" },
      column("accuracy %") { row in
        guard let mean = row.finalAccuracyMean else { return nil }
        return Self.percent(mean) + (row.finalAccuracyDeviation.map { " ± " + Self.percent($0) } ?? "")
      },
      column("95% interval", sacrifice: 5) { row in
        row.finalAccuracyInterval.map { Self.percent($0.low) + " to " + Self.percent($0.high) }
      },
      column("best %", sacrifice: 2) { $0.bestAccuracyMean.map(Self.percent) },
      column("gap", sacrifice: Self.lastButTheGap + 1) { $0.gapToFullPrecision.map(Self.percent) },
      column("loss", sacrifice: 1) { $0.finalLossMean.map { String(format: "%.4f", $0) } },
      column("weights", sacrifice: 4) { $0.weightBytes.map(Self.size) },
      column("time a run", sacrifice: 3) { $0.trainSecondsMean.map(Self.duration) },
      column("status", isText: true, sacrifice: isDone ? 0 : Self.lastButTheGap) { row in
        // Nobody may be at work on it.
        row.status == .running ? "unfinished" : row.status.rawValue
      },
    ]
  }

  private static func percent(_ fraction: Double) -> String {
    let text = String(format: "%.2f", fraction * 100)
    // A gap that rounds to nothing has no sign.
    return text == "-0.00" ? "0.00" : text
  }

  /// Decimal units: 1 kB is 1,000 bytes.
  package static func size(_ bytes: Int) -> String {
    let value = Double(bytes)
    return switch value {
    case ..<1e3: "\(bytes) B"
    case ..<999_950: String(format: "%.1f kB", value / 1e3)
    case ..<999_995_000: String(format: "%.2f MB", value / 1e6)
    default: String(format: "%.2f GB", value / 1e9)
    }
  }

  package static func duration(_ seconds: Double) -> String {
    if seconds < 59.95 { return String(format: "%.1f s", seconds) }
    let whole = Int(min(seconds, 1e15).rounded())
    return whole < 3600
      ? String(format: "%d min %02d s", whole / 60, whole % 60)
      : String(format: "%d h %02d min", whole / 3600, whole % 3600 / 60)
  }

  /// A cell must not end the cell or the row.
  private static func escaped(_ cell: String) -> String {
    cell.replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("\n", with: " ")
  }
}
