import Files
import Foundation
import Synchronization
import Testing

@testable import Experiments

/// Runs that are cut off, and runs whose checkpoints are damaged.
struct CrashTests {
  private static let text = ExperimentText.digits(
    #", "log_every_steps": 1, "checkpoint_every_steps": 3"#, variants: #"[{"name": "two", "bits": 2}]"#)

  /// Trains a run and copies its folder after every file that got its name.
  private static func snapshots(
    _ folder: TrainingFolder, losesUnsynced: Bool = false
  ) throws -> (run: PlacedRun, copies: [PlacedRun]) {
    let run = try folder.place(text, as: "uninterrupted")
    let copies = Mutex<[PlacedRun]>([])
    let files = WatchedFileSystem { _, files in
      copies.withLock { copies in
        let copy = run.moved(to: "\(run.folder.path)-\(copies.count)")
        do {
          try files.copy(run.folder.path, to: copy.folder.path, losesUnsynced: losesUnsynced)
        } catch {
          Issue.record("\(error)")
        }
        copies.append(copy)
      }
    }
    #expect(run.train(in: files) == .completed)
    return (run, copies.withLock { $0 })
  }

  private static func append(_ text: String, to path: String) throws {
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(text.utf8))
    try handle.close()
  }

  @Test(arguments: [false, true]) func aRunCutOffAfterAnyFileGoesOnToTheSameBytes(losesUnsynced: Bool) throws
  {
    let folder = try TrainingFolder()
    let (run, copies) = try Self.snapshots(folder, losesUnsynced: losesUnsynced)
    // The first record; checkpoints of steps 3, 4, 6, 8, 9 and 12; a record after the first epoch and the second; the model
    // and the last record.
    #expect(copies.count == 11)
    for copy in copies {
      #expect(copy.train() == .completed)
      #expect(try copy.results == run.results)
      #expect(try copy.timingText.rows.map { $0[0] } == ["1", "2", "3"])
      #expect(try copy.files == run.files)
    }
  }

  @Test func rowsBehindTheCheckpointAreDropped() throws {
    let folder = try TrainingFolder()
    let (run, copies) = try Self.snapshots(folder)
    var resumed = 0
    for copy in copies where try copy.files.contains(where: { $0.hasPrefix("checkpoint.") }) {
      for path in [copy.folder.curveFile, copy.folder.stepsFile, copy.folder.timingFile] {
        try Self.append("sample,two,0,9,99,1.5,0.5,1.5,0.5,0.01\nsample,two,0,10,1", to: path)
      }
      try Self.append("2025-01-01T00:00:00Z torn li", to: copy.folder.logFile)
      #expect(copy.train() == .completed)
      #expect(try copy.results == run.results)
      #expect(try !copy.timingText.contains("sample") && !copy.log.contains("torn"))
      resumed += 1
    }
    #expect(resumed > 6)
  }

  /// How a file can be damaged, by its length.
  enum Damage: CaseIterable {
    case flippedBit, cut, emptied, noise

    func apply(to path: String) throws {
      var bytes = try POSIXFileSystem().readAll(path)
      switch self {
      case .flippedBit: bytes[bytes.count / 2] ^= 0x10
      case .cut: bytes.removeLast(bytes.count / 3)
      case .emptied: bytes = []
      case .noise: bytes = (0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
  }

  @Test(arguments: Damage.allCases) func aDamagedCheckpointIsPutAsideAndTheOneBeforeUsed(damage: Damage)
    throws
  {
    let folder = try TrainingFolder()
    let whole = try folder.place(Self.text, as: "whole")
    whole.train()
    let run = try folder.place(Self.text)
    #expect(run.train(pausingAfter: 8) == .paused)
    #expect(
      try run.files.filter { $0.hasPrefix("checkpoint") } == [
        "checkpoint.0000000006.bitlab", "checkpoint.0000000008.bitlab",
      ])
    try damage.apply(to: FilePath.join(run.folder.path, "checkpoint.0000000008.bitlab"))
    let damaged = try POSIXFileSystem().readAll(
      FilePath.join(run.folder.path, "checkpoint.0000000008.bitlab"))

    let log = EventLog()
    #expect(run.train { log.add($0) } == .completed)
    #expect(try run.results == whole.results)
    let notice = try #require(log.notices.first)
    #expect(log.notices.count == 1 && notice.contains("checkpoint.0000000008.bitlab: "))
    #expect(notice.hasSuffix("kept as checkpoint.0000000008.bitlab.damaged"))
    #expect(try run.log.contains(notice) && run.log.contains("goes on after step 6"))
    let aside = FilePath.join(run.folder.path, "checkpoint.0000000008.bitlab.damaged")
    #expect(try POSIXFileSystem().readAll(aside) == damaged)
  }

  @Test func whereAllCheckpointsAreDamagedTheRunBeginsAgain() throws {
    let folder = try TrainingFolder()
    let whole = try folder.place(Self.text, as: "whole")
    whole.train()
    let run = try folder.place(Self.text)
    run.train(pausingAfter: 8)
    for name in try run.files where name.hasPrefix("checkpoint") {
      try Damage.flippedBit.apply(to: FilePath.join(run.folder.path, name))
    }
    let log = EventLog()
    #expect(run.train { log.add($0) } == .completed)
    #expect(log.notices.count == 2)
    #expect(try run.results == whole.results)
    #expect(try run.files.filter { $0.hasSuffix(".damaged") }.count == 2)
  }

  @Test func aCheckpointOfAnotherRunIsRefused() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(Self.text)
    run.train(pausingAfter: 5)
    let other = try folder.place(.digits(rate: "0.02", variants: #"[{"name": "two", "bits": 2}]"#))
    let failure = try #require(other.train().failure)
    #expect(failure.kind == .content && failure.description.contains("of another run"))
    #expect(try other.record.status == .failed)
    #expect(try other.files.contains("checkpoint.0000000005.bitlab"))
  }
}
