/// What was in a journal when it was opened.
package struct JournalReplay: Sendable, Hashable {
  /// All whole records, oldest first.
  package var records: [[UInt8]] = []
  /// Bytes of a last record whose rest is not there; they are cut off. A crash leaves that of a record that was never
  /// acknowledged, and so does damage that took acknowledged ones: the bytes do not tell which.
  package var tornTail: Int?
  /// What could not be read. The journal is free of it by now.
  package var damaged: [DamagedRegion] = []
  /// Records that the sequence numbers say once were there. Told at each opening, until the next compaction.
  package var missing: [MissingRecords] = []
  /// Whether something was damaged or cut off, now or at an opening before: true until `Journal.mended`.
  package var needsMending = false
}

/// Bytes of a journal that hold no record, or one that is there already.
package struct DamagedRegion: Sendable, Hashable, CustomStringConvertible {
  /// Where they were in the journal, and are in the copy.
  package var offset: Int
  /// How many they were: 0 where the file was empty.
  package var length: Int
  /// What is wrong with them.
  package var problem: String
  /// A copy of the whole journal as it was found.
  package var keptAs: String

  package var description: String {
    "\(length) bytes at \(offset): \(problem): the journal as it was is kept as \(keptAs)"
  }
}

/// A gap in the sequence numbers.
package struct MissingRecords: Sendable, Hashable, CustomStringConvertible {
  /// They would be in front of `records[index]`. What is missing after the last record nobody can know.
  package var index: Int
  package var count: Int

  package var description: String { "\(count) records are missing in front of the one at \(index)" }
}
