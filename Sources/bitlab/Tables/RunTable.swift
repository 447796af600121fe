import Experiments
import Foundation

/// The table of what trains now, for `run` and `watch`: what runs first, then what is paused, and the numbers of all.
struct RunTable {
  struct Totals: Sendable {
    var running = 0
    var paused = 0
    var waiting = 0
    var ended = 0
    /// Until all have ended, where that can be told.
    var secondsLeft: Double?

    var text: String {
      var parts = ["\(running) running"]
      if paused > 0 { parts.append("\(paused) paused") }
      parts += ["\(waiting) waiting", "\(ended) of \(running + paused + waiting + ended) ended"]
      if let secondsLeft { parts.append("\(RunTable.duration(secondsLeft)) left") }
      return parts.joined(separator: ", ")
    }
  }

  private struct Column: Sendable {
    var title: String
    /// The least it takes, so that the table stands still while numbers change.
    var least: Int
    /// Which goes first where there is no room; nil for one that stays.
    var sacrifice: Int?
    var cell: @Sendable (StatusRow) -> String
  }

  private static let curveWidth = 8

  private static let columns = [
    Column(title: "epoch", least: 5) { row in
      row.epochs.map { "\(row.epoch)/\($0)" } ?? "\(row.epoch)"
    },
    Column(title: "loss", least: 6, sacrifice: 3) { $0.trainLoss.map(LogLine.loss) ?? "-" },
    Column(title: "curve", least: curveWidth, sacrifice: 1) { row in
      Sparkline.text(row.curve, width: curveWidth)
    },
    Column(title: "accuracy", least: 8, sacrifice: 2) { $0.trainAccuracy.map(LogLine.percent) ?? "-" },
    Column(title: "validation", least: 10, sacrifice: 4) {
      $0.validationAccuracy.map(LogLine.percent) ?? "-"
    },
    Column(title: "images/s", least: 8, sacrifice: 0) { $0.imagesPerSecond.map(LogLine.speed) ?? "-" },
    Column(title: "left", least: 7) { row in
      row.status == .running ? row.secondsLeft.map(duration) ?? "-" : row.status.rawValue
    },
  ]

  /// The names of the table that was made last.
  private var lastNames = ShortNames.Last()

  init() {}

  /// A header, a line for each row as far as there is room, and the totals; no line is longer than the terminal.
  mutating func lines(_ rows: [StatusRow], _ totals: Totals, columns width: Int, rows height: Int) -> [String]
  {
    let ordered = rows.filter { $0.status == .running } + rows.filter { $0.status != .running }
    let shown = Array(ordered.prefix(max(1, height - 4)))
    let names = shown.map { $0.name.inMessage() }
    var chosen = Self.columns.map { column in
      let cells = shown.map(column.cell)
      return (column, cells: cells, width: max(column.least, cells.map(\.count).max() ?? 0))
    }
    func room() -> Int { width - chosen.reduce(0) { $0 + $1.width + 2 } }
    let wanted = max(3, names.map(\.count).max() ?? 0)
    let needed = room() >= wanted ? 0 : min(lastNames.widest(names), Self.leastNameWidth)
    while room() < needed,
      let next = chosen.indices.filter({ chosen[$0].0.sacrifice != nil })
        .min(by: { chosen[$0].0.sacrifice! < chosen[$1].0.sacrifice! })
    {
      chosen.remove(at: next)
    }
    let nameWidth = max(3, min(wanted, room()))
    let short = lastNames.short(names, width: nameWidth)
    let widths = chosen.map(\.width)
    func line(_ name: String, _ cells: [String]) -> String {
      let padded = name + String(repeating: " ", count: max(0, nameWidth - name.count))
      let rest = zip(cells, widths).map { String(repeating: " ", count: max(0, $1 - $0.count) + 2) + $0 }
      return String((padded + rest.joined()).prefix(width))
    }
    let title = short.title
    let header = line(
      title.count <= nameWidth ? title : title.prefix(nameWidth - 1) + "…", chosen.map(\.0.title))
    let body = shown.indices.map { place in line(short.names[place], chosen.map { $0.cells[place] }) }
    let hidden = ordered.count - shown.count
    let last = hidden > 0 ? "\(hidden) more not shown; \(totals.text)" : totals.text
    return (shown.isEmpty ? [] : [header] + body) + [String(last.prefix(width))]
  }

  /// Enough to read an id by.
  private static let leastNameWidth = 22

  /// As in `12 s`, `5:07`, `3:20 h`.
  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 1e8).rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return String(format: "%d:%02d", whole / 60, whole % 60) }
    return String(format: "%d:%02d h", whole / 3600, whole % 3600 / 60)
  }
}
