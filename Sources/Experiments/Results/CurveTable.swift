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

/// `curves.csv`: the rows of every run's `curve.csv` under one header.
package enum MergedCurves {
  /// Writes the rows of `curves`, in that order and to the byte, to `path`, durably.
  ///
  /// Files that are missing or have no rows yet add nothing; of a row still being written nothing is taken.
  /// Throws `FileError`, or `FileContentError` for a file with another header.
  package static func write(
    _ curves: [String], gridKeys: [String], to path: String, in fileSystem: any FileSystem
  ) throws {
    let header = Array(CurveRow.header(gridKeys: gridKeys).utf8)
    try DurableFile.write(to: path, in: fileSystem) { writer in
      try writer.write(header)
      for curve in curves where fileSystem.exists(curve) {
        var bytes = try fileSystem.readAll(curve)
        bytes.removeLast(bytes.count - (bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0))
        if bytes.isEmpty { continue }
        guard bytes.starts(with: header) else {
          throw FileContentError(
            path: curve, problem: "its header is not that of this experiment's curves",
            remedy: "put the file back as it was, or remove the run's folder to begin the run again")
        }
        try writer.write(Array(bytes[header.count...]))
      }
    }
  }
}
