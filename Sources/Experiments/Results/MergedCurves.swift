import Files

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
