import Dispatch
import Files
import Foundation
import Synchronization
import Testing

@testable import Scheduler

/// What a journal does while all goes well, and how its callers share it.
struct JournalTests {
  private static let path = "folder/journal"

  @Test func whatIsAppendedIsReplayed() throws {
    let disk = SimulatedDisk()
    do {
      let (journal, replay) = try Journal.open(Self.path, in: disk)
      #expect(replay == JournalReplay())
      #expect(journal.recordCount == 0 && journal.length == JournalFormat.headerCount)
      try journal.append([])
      try journal.append([[1, 2, 3], []])
      try journal.append([JournalFormat.marker])
      #expect(journal.recordCount == 3 && journal.length == disk.bytes(Self.path)?.count)
    }
    #expect(disk.allIsClosed())
    for aftermath in SimulatedDisk.Aftermath.allCases {
      let (journal, replay) = try Journal.open(Self.path, in: disk.after(aftermath))
      #expect(replay == JournalReplay(records: [[1, 2, 3], [], JournalFormat.marker]))
      #expect(journal.recordCount == 3)
    }
  }

  @Test func theRealFileSystemDoesAsTheSimulatedOne() throws {
    let folder = NSTemporaryDirectory() + "/bitlab-journal-\(UUID().uuidString)"
    let files = POSIXFileSystem()
    _ = try files.createFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/journal"
    do {
      let journal = try Journal.open(path, in: files).journal
      try journal.append([[1], [2]])
      try journal.compact([[3]])
      try journal.append([[4]])
    }
    var bytes = try files.readAll(path)
    #expect(try Journal.open(path, in: files).replay == JournalReplay(records: [[3], [4]]))
    try Data(bytes + JournalFormat.marker).write(to: URL(fileURLWithPath: path))
    #expect(
      try Journal.open(path, in: files).replay
        == JournalReplay(records: [[3], [4]], tornTail: 8, needsMending: true))
    #expect(try files.readAll(path) == bytes)
    bytes[JournalFormat.headerCount + 3] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let replay = try Journal.open(path, in: files).replay
    #expect(replay.records == [[4]] && replay.damaged.map(\.keptAs) == [path + ".damaged-1"])
    #expect(replay.missing == [MissingRecords(index: 0, count: 1)])
    #expect(try files.readAll(path + ".damaged-1") == bytes)
    #expect(try files.list(folder) == ["journal", "journal.damaged-1", "journal.mending"])
  }

  @Test func compactionReplacesAllThatWasBefore() throws {
    let disk = SimulatedDisk()
    let journal = try Journal.open(Self.path, in: disk).journal
    try journal.append((0..<100).map { [$0] })
    try journal.compact([[200], [201]])
    #expect(journal.recordCount == 2 && journal.length == disk.bytes(Self.path)?.count)
    try journal.append([[202]])
    for aftermath in SimulatedDisk.Aftermath.allCases {
      let replay = try Journal.open(Self.path, in: disk.after(aftermath)).replay
      #expect(replay == JournalReplay(records: [[200], [201], [202]]))
    }
    try journal.compact([])
    #expect(journal.recordCount == 0 && journal.length == JournalFormat.headerCount)
    #expect(try Journal.open(Self.path, in: disk.after(.powerFailure)).replay == JournalReplay())
  }

  @Test func aLargeGroupIsOneWriteAndOneSync() throws {
    let disk = SimulatedDisk()
    let journal = try Journal.open(Self.path, in: disk).journal
    let (writes, syncs) = (disk.count(.write), disk.count(.synchronize))
    let records = (0..<10_000).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 1_000) }
    try journal.append(records)
    #expect(disk.count(.write) == writes + 1 && disk.count(.synchronize) == syncs + 1)
    #expect(try Journal.open(Self.path, in: disk.after(.powerFailure)).replay.records == records)
  }

  @Test func manyThreadsAppendAndCompact() throws {
    let disk = SimulatedDisk()
    let journal = try Journal.open(Self.path, in: disk).journal
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for number in 0..<100 {
        do { try journal.append([[UInt8(thread), UInt8(number)]]) } catch { Issue.record("\(error)") }
        _ = journal.length
      }
    }
    #expect(journal.recordCount == 800)
    let records = try Journal.open(Self.path, in: disk.after(.powerFailure)).replay.records
    #expect(records.count == 800)
    for thread in 0..<8 {
      #expect(records.filter { $0[0] == thread }.map { $0[1] } == (0..<100).map { $0 })
    }
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      do {
        for number in 0..<50 {
          if number == 25, thread == 3 { try journal.compact([[99]]) }
          try journal.append([[UInt8(thread), UInt8(number)]])
        }
      } catch {
        Issue.record("\(error)")
      }
    }
    let after = try Journal.open(Self.path, in: disk.after(.powerFailure)).replay.records
    #expect(after.first == [99] && after.count == journal.recordCount)
    #expect(after.filter { $0[0] == 3 }.map { $0[1] } == (25..<50).map { $0 })
  }

  @Test func aNewerVersionIsLeftAlone() throws {
    let disk = SimulatedDisk()
    let bytes = JournalFormat.header(version: 2, firstSequence: 1) + [1, 2, 3]
    disk.put(bytes, at: Self.path)
    let error = #expect(throws: FileContentError.self) { try Journal.open(Self.path, in: disk) }
    #expect(error?.problem == "is of version 2 of the format; this program reads 1")
    #expect(disk.bytes(Self.path) == bytes && disk.names == ["journal"] && disk.openCount == 0)
  }

  @Test func everyDamageIsKeptUnderANameOfItsOwn() throws {
    let disk = SimulatedDisk()
    var whole = JournalFormat.bytes(of: [[1], [2], [3]])
    for number in 1...12 {
      var bytes = whole
      bytes[JournalFormat.headerCount + number] ^= 1
      disk.put(bytes, at: Self.path)
      let replay = try Journal.open(Self.path, in: disk).replay
      #expect(replay.records == [[2], [3]])
      #expect(replay.damaged.map(\.keptAs) == [Self.path + ".damaged-\(number)"])
      #expect(replay.damaged.map(\.offset) == [24] && replay.damaged.map(\.length) == [33])
      #expect(disk.bytes(Self.path + ".damaged-\(number)") == bytes)
      // The damage is told once, the gap until the next compaction.
      let again = try Journal.open(Self.path, in: disk).replay
      let missing = [MissingRecords(index: 0, count: 1)]
      #expect(again == JournalReplay(records: [[2], [3]], missing: missing, needsMending: true))
    }
    whole = []
    disk.put(whole, at: Self.path)
    let empty = try Journal.open(Self.path, in: disk).replay
    #expect(empty.records == [] && empty.damaged.map(\.problem) == ["the file is empty"])
  }

  /// Also damage that leaves no gap, as at the end, is told until somebody has made up for it.
  @Test func damageIsToldUntilItIsMended() throws {
    let disk = SimulatedDisk()
    var bytes = JournalFormat.bytes(of: [[1], [2], [3]])
    bytes[bytes.count - 1] ^= 1
    disk.put(bytes, at: Self.path)
    var (journal, replay) = try Journal.open(Self.path, in: disk)
    #expect(replay.needsMending && replay.records == [[1], [2]])
    (journal, replay) = try Journal.open(Self.path, in: disk.after(.powerFailure))
    #expect(replay == JournalReplay(records: [[1], [2]], needsMending: true))
    (journal, replay) = try Journal.open(Self.path, in: disk)
    try journal.mended()
    try journal.mended()
    #expect(
      try Journal.open(Self.path, in: disk.after(.powerFailure)).replay == JournalReplay(records: [[1], [2]]))
  }

  @Test func leftoversOfAKilledProcessAreRemoved() throws {
    let disk = SimulatedDisk()
    disk.put([1], at: "folder/.journal.partial-1")
    disk.put([1], at: "folder/.journal.damaged-1.partial-1")
    disk.put([1], at: "folder/.other.partial-1")
    _ = try Journal.open(Self.path, in: disk)
    #expect(disk.names == [".other.partial-1", "journal"])
  }
}
