import Files
import JSON

/// What came out of an experiment: a row for each variant and grid point.
package struct Summary: Hashable, Sendable {
  package let experiment: String
  /// In the plan's order.
  package let gridKeys: [String]
  package let rows: [SummaryRow]

  /// `groups` are in the plan's order, and all have the same grid keys. Full precision, which gaps are
  /// counted from, is the first variant with 32 bits, at the same grid point.
  package init(experiment: String, groups: [SummaryGroup]) {
    self.experiment = experiment
    gridKeys = groups.first?.grid.map(\.key) ?? []
    for group in groups {
      precondition(group.grid.map(\.key) == gridKeys, "Summary: \(group.variant) has other grid keys")
    }
    var rows = groups.map { SummaryRow(experiment: experiment, $0) }
    let reference = rows.first { $0.bits == 32 }?.variant
    var references: [[GridText]: Double] = [:]
    for row in rows where row.variant == reference { references[row.grid] = row.finalAccuracyMean }
    for index in rows.indices {
      guard let full = references[rows[index].grid], let own = rows[index].finalAccuracyMean else { continue }
      rows[index].gapToFullPrecision = full - own
    }
    self.rows = rows
  }

  /// Writes `summary.csv`, `summary.json` and `summary.md`, each durably. Throws `FileError`.
  package func write(to folder: ExperimentFolder, in fileSystem: any FileSystem) throws {
    try DurableFile.write(csv, to: folder.summaryCSVFile, in: fileSystem)
    try DurableFile.write(json, to: folder.summaryJSONFile, in: fileSystem)
    try DurableFile.write(markdown, to: folder.summaryMarkdownFile, in: fileSystem)
  }
}

// MARK: - For programs

extension Summary {
  /// The text of `summary.csv`. Grid keys have their columns right after `variant`.
  package var csv: String {
    let header = ["experiment", "variant"] + gridKeys + Self.columnsAfterGrid
    return CSV.line(header) + rows.map { CSV.line(Self.fields($0)) }.joined()
  }

  /// The text of `summary.json`: the same rows, with the same keys, under `variants`.
  package var json: String { jsonValue.pretty + "\n" }

  package var jsonValue: JSONValue {
    .object([
      .init("experiment", .string(experiment)), .init("variants", .array(rows.map(Self.object))),
    ])
  }

  private static let columnsAfterGrid = [
    "bits", "seeds", "completed", "failed", "final_val_accuracy_mean", "final_val_accuracy_std",
    "final_val_accuracy_ci95_low", "final_val_accuracy_ci95_high", "best_val_accuracy_mean",
    "final_val_loss_mean", "accuracy_gap_to_full_precision", "weight_bytes", "train_seconds_mean", "status",
  ]

  private static func values(_ row: SummaryRow) -> [JSONValue] {
    [
      .integer(row.bits), .integer(row.seeds), .integer(row.completed), .integer(row.failed),
      .init(row.finalAccuracyMean), .init(row.finalAccuracyDeviation),
      .init(row.finalAccuracyInterval?.low), .init(row.finalAccuracyInterval?.high),
      .init(row.bestAccuracyMean), .init(row.finalLossMean), .init(row.gapToFullPrecision),
      .init(row.weightBytes), .init(row.trainSecondsMean), .string(row.status.rawValue),
    ]
  }

  private static func fields(_ row: SummaryRow) -> [String] {
    let cells = values(row).map { value in
      switch value {
      case .integer(let integer): String(integer)
      case .number(let number): CSVNumber.text(number)
      case .string(let text): text
      default: ""
      }
    }
    return [row.experiment, row.variant] + row.grid.map(\.text) + cells
  }

  private static func object(_ row: SummaryRow) -> JSONValue {
    var members = [
      JSONMember("experiment", .string(row.experiment)), .init("variant", .string(row.variant)),
    ]
    members += row.grid.map { .init($0.key, $0.json) }
    members += zip(columnsAfterGrid, values(row)).map { .init($0, $1) }
    return .object(JSONObject(members))
  }
}
