import Files

/// The rows of a `curve.csv` or `curves.csv`, read back.
package struct CurveTable: Hashable, Sendable {
  package var gridKeys: [String]
  package var rows: [CurveRow]

  package init(gridKeys: [String], rows: [CurveRow]) {
    self.gridKeys = gridKeys
    self.rows = rows
  }

  /// Reads a file. A last line without its line feed is a row still being written and is left out. Throws
  /// `FileError`, or `FileContentError` for a file that is not a table of curves.
  package init(reading path: String, in fileSystem: any FileSystem) throws {
    try self.init(decoding: fileSystem.readText(path), from: path)
  }

  /// Reads a text; `path` is for the error.
  package init(decoding text: String, from path: String) throws(FileContentError) {
    func failure(_ problem: String) -> FileContentError {
      FileContentError(
        path: path, problem: problem, remedy: "put the file back as it was, or begin its run again")
    }
    let whole = text.utf8.lastIndex(of: UInt8(ascii: "\n")).map { text[...$0] } ?? ""
    let records: [[String]]
    do throws(CSV.SyntaxError) {
      records = try CSV.records(in: String(whole))
    } catch {
      throw failure("line \(error.line): \(error.problem)")
    }
    guard let header = records.first else { throw failure("has no header") }
    guard let gridKeys = CurveRow.gridKeys(ofHeader: header) else {
      throw failure("its header is not that of a curve")
    }
    self.gridKeys = gridKeys
    rows = []
    for (number, record) in records.enumerated().dropFirst() {
      guard let row = CurveRow(record, gridKeys: gridKeys) else {
        throw failure("record \(number + 1) is not a row of a curve")
      }
      rows.append(row)
    }
  }
}
