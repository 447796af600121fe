/// Cells in columns for people: text begins where its column does, numbers end where theirs does.
package enum AlignedTable {
  /// A line for each row, two spaces between columns and none at the end.
  ///
  /// - Parameter isText: of each column; the others hold numbers.
  package static func lines(_ rows: [[String]], isText: [Bool]) -> [String] {
    let widths = isText.indices.map { column in rows.map { width($0[column]) }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - width(cell))
        if column > 0 { line += "  " }
        let isLast = column + 1 == row.count
        line += !isText[column] ? padding + cell : isLast ? cell : cell + padding
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// Characters; bytes where that is the same, which is quicker to know.
  private static func width(_ cell: String) -> Int {
    cell.utf8.allSatisfy { $0 < 0x80 } ? cell.utf8.count : cell.count
  }
}
