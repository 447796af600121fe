import Files

extension Journal {
  /// The records that a journal's bytes hold, for whoever only looks: nothing is mended.
  ///
  /// Throws `FileContentError` for a journal of another version; `path` is for that.
  package static func records(in bytes: [UInt8], path: String) throws -> [[UInt8]] {
    let reader = JournalReader(bytes)
    do {
      return try reader.read().frames.map(reader.record)
    } catch {
      throw FileContentError(
        path: path, problem: "is of version \(error.version) of the format",
        remedy: "look with the program that wrote it")
    }
  }
}
