import Files
import Foundation
import Testing

@testable import Experiments

/// Rows that are not those that the checkpoints count on.
struct DamagedRowsTests {
  private static let text = ExperimentText.digits(#", "log_every_steps": 1, "checkpoint_every_steps": 3"#)

  /// A run that paused after step 9, with checkpoints of steps 8 and 9, and what it comes to undisturbed.
  private static func paused(_ folder: TrainingFolder) throws -> (run: PlacedRun, expected: RunResults) {
    let whole = try folder.place(text, as: "whole")
    #expect(whole.train() == .completed)
    let run = try folder.place(text)
    #expect(run.train(pausingAfter: 9) == .paused)
    #expect(
      try run.files.filter { $0.hasPrefix("checkpoint") } == [
        "checkpoint.0000000008.bitlab", "checkpoint.0000000009.bitlab",
      ])
    return (run, try whole.results)
  }

  private static func flip(_ path: String, at place: (Int) -> Int) throws {
    var bytes = try POSIXFileSystem().readAll(path)
    bytes[place(bytes.count)] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// Both checkpoints count on the flipped byte: the run begins anew.
  @Test(arguments: ["curve.csv", "steps.csv"]) func aFlippedByteIsComputedAgain(name: String) throws {
    let folder = try TrainingFolder()
    let (run, expected) = try Self.paused(folder)
    let path = FilePath.join(run.folder.path, name)
    try Self.flip(path) { $0 / 2 }
    let damaged = try POSIXFileSystem().readAll(path)
    let log = EventLog()
    #expect(run.train { log.add($0) } == .completed)
    #expect(try run.results == expected)
    #expect(try run.timingText.rows.map { $0[0] } == ["1", "2", "3"])
    #expect(try POSIXFileSystem().readAll(path + ".damaged") == damaged)
    let count = damaged.count
    #expect(
      log.notices == [
        "\(path): its first \(count) bytes are not the rows that the checkpoint counts on: kept as \(name).damaged",
        "no checkpoint has all of its rows: the run begins anew",
      ])
    for notice in log.notices { #expect(try run.log.contains(notice)) }
  }

  /// Step 9 has a row of its own in steps.csv, which the checkpoint of step 8 does not know.
  @Test func whereAnOlderCheckpointsRowsAreWholeItIsUsed() throws {
    let folder = try TrainingFolder()
    let (run, expected) = try Self.paused(folder)
    try Self.flip(run.folder.stepsFile) { $0 - 3 }
    let log = EventLog()
    #expect(run.train { log.add($0) } == .completed)
    #expect(try run.results == expected)
    #expect(try run.log.contains("goes on after step 8") && log.notices.count == 1)
    #expect(try run.files.contains("steps.csv.damaged"))
  }

  /// The next stop finds nothing left of what was given up.
  @Test func theCheckpointWithoutItsRowsIsGone() throws {
    let folder = try TrainingFolder()
    let (run, expected) = try Self.paused(folder)
    try Self.flip(run.folder.stepsFile) { $0 - 3 }
    let control = RunControl()
    control.request = .pause
    #expect(run.train(control: control) == .paused)
    let log = EventLog()
    #expect(run.train { log.add($0) } == .completed)
    #expect(try log.notices == [] && run.results == expected)
  }

  @Test(arguments: ["curve.csv", "steps.csv"], [false, true])
  func rowsThatAreGoneAreComputedAgain(name: String, isShorter: Bool) throws {
    let folder = try TrainingFolder()
    let (run, expected) = try Self.paused(folder)
    let path = FilePath.join(run.folder.path, name)
    let bytes = try POSIXFileSystem().readAll(path)
    try POSIXFileSystem().remove(path)
    if isShorter { try Data(bytes.prefix(100)).write(to: URL(fileURLWithPath: path)) }
    let log = EventLog()
    #expect(run.train { log.add($0) } == .completed)
    #expect(try run.results == expected)
    #expect(log.notices.count == 2)
    let problem = isShorter ? "is 100 bytes long, but" : "is missing, but"
    #expect(log.notices.first?.hasPrefix("\(path): \(problem) the checkpoint counts on") == true)
    #expect(try run.files.contains(name + ".damaged") == isShorter)
    #expect(try run.record.status == .completed)
  }

  /// How long epochs took is no result.
  @Test(arguments: [0, 1, 2]) func timingCostsNoTraining(damage: Int) throws {
    let folder = try TrainingFolder()
    let (run, expected) = try Self.paused(folder)
    let path = run.folder.timingFile
    switch damage {
    case 0: try Self.flip(path) { $0 / 2 }
    case 1: try Data("epoch".utf8).write(to: URL(fileURLWithPath: path))
    default: try POSIXFileSystem().remove(path)
    }
    let log = EventLog()
    #expect(run.train { log.add($0) } == .completed)
    #expect(try run.results == expected && run.log.contains("goes on after step 9"))
    #expect(log.notices.count == 1 && log.notices[0].hasPrefix(path + ": "))
    #expect(try run.timingText.rows.map { $0[0] } == ["3"])
    #expect(try run.timingText.firstLine == "epoch,seconds,images_per_second")
    #expect(try run.files.contains("timing.csv.damaged") == (damage < 2))
  }
}
