import Files
import Foundation
import Testing

@testable import Scheduler

/// Every operation of the disk fails once in every way, and the power too.
struct JournalFaultTests {
  private static let path = "folder/journal"

  /// What a journal may hold after a course of appends and compactions, some of which failed.
  private final class Expectation: CustomStringConvertible {
    /// What was acknowledged.
    var base: [[UInt8]] = []
    /// What was not, since the last success: each may be there or not.
    var open: [[UInt8]] = []
    /// Snapshots that may have taken the content's place.
    var snapshots: [[[UInt8]]] = []

    var description: String { "\(base), maybe \(open) or \(snapshots)" }

    func allows(_ records: [[UInt8]]) -> Bool {
      if snapshots.contains(records) { return true }
      guard records.starts(with: base) else { return false }
      var rest = open[...]
      return records.dropFirst(base.count).allSatisfy { record in
        guard let place = rest.firstIndex(of: record) else { return false }
        rest = rest[(place + 1)...]
        return true
      }
    }

    func append(_ records: [[UInt8]], to journal: Journal) -> Bool {
      do {
        // As the queue does: what it knows takes the place of a file that was given up.
        if journal.needsSnapshot {
          snapshots.append(base)
          try journal.compact(base)
        }
        try journal.append(records)
        base += records
        (open, snapshots) = ([], [])
        return true
      } catch {
        open += records
        return false
      }
    }

    func compact(_ records: [[UInt8]], _ journal: Journal) -> Bool {
      do {
        try journal.compact(records)
        (base, open, snapshots) = (records, [], [])
        return true
      } catch {
        snapshots.append(records)
        return false
      }
    }
  }

  private static let faults: [SimulatedDisk.Fault] = [
    .error(ENOSPC), .error(EIO), .tornWrite(ENOSPC), .tornWrite(EIO), .shortWrite,
  ]

  private func check(_ disk: SimulatedDisk, _ expected: Expectation, _ comment: String) throws {
    for aftermath in SimulatedDisk.Aftermath.allCases {
      let (journal, replay) = try Journal.open(Self.path, in: disk.after(aftermath))
      let found = "\(comment), \(aftermath): \(replay), not \(expected)"
      #expect(expected.allows(replay.records), "\(found)")
      #expect(replay.missing == [], "\(found)")
      #expect(journal.recordCount == replay.records.count)
      if expected.open.isEmpty && expected.snapshots.isEmpty {
        #expect(replay.damaged == [] && replay.tornTail == nil, "\(found)")
      }
    }
  }

  private static let course: [(isCompaction: Bool, records: [[UInt8]])] = [
    (false, [[1, 1, 1], []]), (false, [[2, 2]]), (true, [[3], [3, 3], [4]]), (false, [[5, 5], [6]]),
    (true, [[7]]),
    (false, [[8, 8, 8, 8]]), (false, [[9], [10]]),
  ]

  @Test(arguments: faults, [false, true])
  func whatWasAcknowledgedIsThereWhateverFails(fault: SimulatedDisk.Fault, persists: Bool) throws {
    var runs = 0
    for number in 0... {
      let disk = SimulatedDisk()
      let expected = Expectation()
      do {
        let journal = try Journal.open(Self.path, in: disk).journal
        _ = expected.append([[0]], to: journal)
        disk.fail(fault, at: number, persists: persists)
        var failures = 0
        for step in Self.course {
          let comment = "\(step) after \(disk.failed) at \(number)"
          let before = expected.base
          let succeeded =
            step.isCompaction
            ? expected.compact(step.records, journal) : expected.append(step.records, to: journal)
          if !succeeded {
            failures += 1
            #expect(!disk.failed.isEmpty)
            if !step.isCompaction { #expect(expected.base == before) }
          }
          #expect(journal.recordCount == expected.base.count)
          try check(disk, expected, comment)
        }
        // One failed operation costs one call at most; a short write none.
        if !persists { #expect(failures <= 1, "after \(disk.failed) at \(number)") }
        if fault == .shortWrite { #expect(failures == 0) }
        disk.heal()
        #expect(expected.append([[11], [12, 12]], to: journal), "healed, after \(disk.failed) at \(number)")
        try check(disk, expected, "healed")
      }
      #expect(disk.allIsClosed(), "after \(disk.failed)")
      if disk.failed.isEmpty { break }
      runs += 1
    }
    #expect(runs > 20)
  }

  /// Journals as they may be found, and what is to be read from them.
  private static let found: [(bytes: [UInt8]?, records: [[UInt8]], isDamaged: Bool)] = {
    let whole = JournalFormat.bytes(of: [[1], [2], [3]])
    var damaged = whole
    damaged[JournalFormat.headerCount + 3] ^= 1
    return [
      (nil, [], false), (whole, [[1], [2], [3]], false), (Array(whole.dropLast(5)), [[1], [2]], false),
      (damaged, [[2], [3]], true), (Array(damaged.dropLast(5)), [[2]], true), ([], [], true),
    ]
  }()

  @Test(arguments: faults, [false, true])
  func openingLosesNothingWhateverFails(fault: SimulatedDisk.Fault, persists: Bool) throws {
    var failures = 0
    for (bytes, records, isDamaged) in Self.found {
      for number in 0... {
        let disk = SimulatedDisk()
        if let bytes { disk.put(bytes, at: Self.path) }
        disk.fail(fault, at: number, persists: persists)
        let replay = try? Journal.open(Self.path, in: disk).replay
        let comment = "after \(disk.failed) at \(number)"
        #expect(disk.openCount == 0, "\(comment)")
        if replay == nil { failures += 1 }
        for aftermath in SimulatedDisk.Aftermath.allCases {
          let next = disk.after(aftermath)
          let second = try Journal.open(Self.path, in: next).replay
          #expect(second.records == records, "\(aftermath) \(comment)")
          if let replay {
            #expect(replay.records == records && replay.damaged.isEmpty != isDamaged)
            // What is told is on the device.
            #expect(second.damaged == [] && second.tornTail == nil, "\(aftermath) \(comment)")
            #expect(second.needsMending == replay.needsMending || replay.tornTail != nil)
          }
          if isDamaged {
            #expect(next.bytes(Self.path + ".damaged-1") == bytes, "\(aftermath) \(comment)")
            #expect(next.bytes(Self.path + ".damaged-2") == nil, "\(aftermath) \(comment)")
          }
        }
        if disk.failed.isEmpty { break }
      }
    }
    #expect(fault == .shortWrite ? failures == 0 : failures > 0)
  }

  /// A record that a killed process had written but not synced, and then the sync at opening fails.
  @Test func whatIsReplayedIsOnTheDevice() throws {
    for number in 0..<30 {
      let disk = SimulatedDisk()
      do {
        let journal = try Journal.open(Self.path, in: disk).journal
        try journal.append([[1]])
      }
      let file = try disk.open(Self.path, .append)
      var frame: [UInt8] = []
      JournalFormat.appendFrame([2], sequence: 2, to: &frame)
      try frame.withUnsafeBytes { try disk.writeAll(file, $0) }
      try disk.close(file)
      disk.fail(.error(EIO), at: number)
      // Where it failed it is tried once more, as the daemon does.
      let first = try? Journal.open(Self.path, in: disk).replay
      let replay = try first ?? Journal.open(Self.path, in: disk).replay
      #expect(replay.records == [[1], [2]])
      let second = try Journal.open(Self.path, in: disk.after(.powerFailure)).replay
      #expect(second.records == [[1], [2]], "after \(disk.failed) at \(number)")
    }
  }

  /// Where a compaction ended between the renaming and the folder's sync, the next process appends to a file whose
  /// name is not on the device yet.
  @Test func whatTheNextProcessAppendsIsThereToo() throws {
    for number in 0..<12 {
      let disk = SimulatedDisk()
      let journal = try Journal.open(Self.path, in: disk).journal
      try journal.append([[1], [2]])
      disk.fail(.error(EIO), at: number, persists: true)
      try? journal.compact([[3]])
      let next = disk.after(.kill)
      let expected = Expectation()
      let (successor, replay) = try Journal.open(Self.path, in: next)
      #expect(replay.records == [[1], [2]] || replay.records == [[3]])
      expected.base = replay.records
      try check(next, expected, "after \(disk.failed) at \(number)")
      #expect(expected.append([[4]], to: successor))
      try check(next, expected, "appended after \(disk.failed) at \(number)")
    }
  }

  @Test func aFullDiskIsNoEnd() throws {
    let disk = SimulatedDisk()
    let expected = Expectation()
    let journal = try Journal.open(Self.path, in: disk).journal
    #expect(expected.append([[UInt8](repeating: 1, count: 1_000)], to: journal))
    // Room for a part of the next, and none for a second copy of the file.
    for room in stride(from: journal.length, to: journal.length + 600, by: 7) {
      disk.room = room
      #expect(!expected.append([[2], [UInt8](repeating: 3, count: 1_000)], to: journal))
      #expect(disk.bytes(Self.path)?.count == journal.length, "the tail was not cut off")
      #expect(!expected.compact([[UInt8](repeating: 4, count: 1_000)], journal))
      expected.snapshots = []
      try check(disk, expected, "room for \(room)")
      expected.open = []
    }
    #expect(disk.names == ["journal"])
    // A little room is enough for a little record.
    disk.room = journal.length + 100
    #expect(expected.append([[5]], to: journal))
    disk.room = .max
    #expect(expected.append([[6]], to: journal))
    try check(disk, expected, "room again")
  }

  @Test func aFullDiskWithADamagedJournalDoesNotFillWithCopies() throws {
    let disk = SimulatedDisk()
    var bytes = JournalFormat.bytes(of: [[1], [2], [3]])
    bytes[JournalFormat.headerCount + 3] ^= 1
    disk.put(bytes, at: Self.path)
    // The copy fits, the repaired journal does not.
    disk.room = 2 * bytes.count + 50
    for _ in 0..<5 {
      #expect(throws: FileError.self) { try Journal.open(Self.path, in: disk) }
      #expect(disk.names == ["journal", "journal.damaged-1", "journal.mending"])
      #expect(disk.bytes(Self.path) == bytes)
    }
    disk.room = .max
    let replay = try Journal.open(Self.path, in: disk).replay
    #expect(replay.records == [[2], [3]] && replay.damaged.map(\.keptAs) == [Self.path + ".damaged-1"])
  }

  /// The page that a failed sync was writing holds acknowledged records too.
  @Test func aFailedSyncThatTakesAPageWithItTakesNoRecord() throws {
    for number in 0..<4 {
      let disk = SimulatedDisk()
      let expected = Expectation()
      let journal = try Journal.open(Self.path, in: disk).journal
      for size in [10, 5_000, 300] {
        #expect(expected.append([[UInt8](repeating: 1, count: size)], to: journal))
      }
      disk.failedSyncZeroesPage = true
      disk.fail(.error(EIO), at: number)
      _ = expected.append([[2]], to: journal)
      _ = expected.append([[3]], to: journal)
      #expect(expected.append([[4]], to: journal))
      try check(disk, expected, "after \(disk.failed) at \(number)")
    }
  }

  @Test func aJournalThatSomebodyRemovedComesBack() throws {
    let disk = SimulatedDisk()
    let expected = Expectation()
    let journal = try Journal.open(Self.path, in: disk).journal
    #expect(expected.append([[1]], to: journal))
    try disk.remove(Self.path)
    #expect(expected.append([[2]], to: journal))
    try check(disk, expected, "removed")
  }

  @Test func aFailedGroupFailsAsAWholeAndTheNextOneDoesNot() throws {
    let disk = SimulatedDisk()
    let journal = try Journal.open(Self.path, in: disk).journal
    disk.fail(.tornWrite(ENOSPC), at: 0)
    let error = #expect(throws: FileError.self) { try journal.append([[1], [2], [3]]) }
    #expect(error?.isDiskFull == true)
    #expect(journal.recordCount == 0 && journal.length == disk.bytes(Self.path)?.count)
    try journal.append([[4]])
    #expect(
      try Journal.open(Self.path, in: disk.after(.powerFailure)).replay == JournalReplay(records: [[4]]))
  }
}
