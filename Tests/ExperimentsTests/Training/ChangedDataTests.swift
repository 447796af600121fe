import Files
import Foundation
import Testing

@testable import Experiments

/// Runs whose data are not what they were.
struct ChangedDataTests {
  private static func text(_ training: String = "") -> ExperimentText {
    var text = ExperimentText.digits(epochs: 4, #", "log_every_steps": 1\#(training)"#)
    text.dataset = OwnFiles.dataset()
    return text
  }

  @Test(arguments: OwnFiles.Change.allCases)
  func aRunThatStoppedBeginsAnewOnOtherData(change: OwnFiles.Change) throws {
    let folder = try TrainingFolder()
    let files = OwnFiles(folder: folder.path)
    try files.write(seed: 0)
    let run = try folder.place(Self.text())
    #expect(run.train(pausingAfter: 5) == .paused)
    let before = try #require(try run.record.dataSHA256)
    try files.write(seed: 1, change)
    let log = EventLog()
    #expect(run.train { log.add($0) } == .completed)

    let fresh = try folder.place(Self.text(), as: "fresh")
    #expect(fresh.train() == .completed)
    #expect(try run.results == fresh.results)
    #expect(try run.timingText.rows.map { $0[0] } == ["1", "2", "3", "4"])
    #expect(try run.files == fresh.files)
    let after = try #require(try run.record.dataSHA256)
    #expect(try after == fresh.record.dataSHA256 && after != before)
    let notice =
      "the data have changed since the checkpoint of step 5, from data_sha256 \(before) to \(after): "
      + "the run begins anew"
    #expect(log.notices == [notice])
    #expect(try run.log.contains(notice))
  }

  @Test func onTheSameBytesItGoesOn() throws {
    let folder = try TrainingFolder()
    let files = OwnFiles(folder: folder.path)
    try files.write(seed: 0)
    let run = try folder.place(Self.text())
    run.train(pausingAfter: 5)
    try files.write(seed: 0)
    #expect(run.train() == .completed)
    #expect(try run.log.contains("goes on after step 5"))
  }

  /// Checkpoints of a program that knew neither the data's hash nor the rows' checksums.
  @Test func checkpointsFromBeforeGoOn() throws {
    let folder = try TrainingFolder()
    let whole = try folder.place(.digits(), as: "whole")
    whole.train()
    let run = try folder.place(.digits())
    run.train(pausingAfter: 6)
    let store = run.folder.checkpoints(in: POSIXFileSystem())
    var checkpoint = try #require(try store.loadNewest().checkpoint)
    var state = try #require(TrainingState(metadata: checkpoint.content.metadata))
    #expect(state.dataSHA256 != nil && state.curveChecksum != nil)
    (state.dataSHA256, state.runHash) = (nil, nil)
    (state.curveChecksum, state.stepsChecksum, state.timingChecksum) = (nil, nil, nil)
    checkpoint.content.metadata = try state.metadata(identity: run.identity)
    #expect(checkpoint.content.metadata["state"]?.contains("hecksum") == false)
    try store.removeAll()
    try store.write(
      step: 6, tensors: checkpoint.content.sources, metadata: checkpoint.content.metadata)
    #expect(run.train() == .completed)
    #expect(try run.results == whole.results && run.log.contains("goes on after step 6"))
  }

  @Test func noticesOfTheDataReachTheLog() throws {
    let folder = try TrainingFolder()
    let files = OwnFiles(folder: folder.path)
    try files.write(seed: 0)
    try OwnFiles.idx([20], [UInt8](repeating: 2, count: 20))
      .write(to: URL(fileURLWithPath: files.path("train-labels")))
    let notice = "all 20 training labels are 2: an accuracy of 100% says nothing then"
    let log = EventLog()
    let run = try folder.place(Self.text())
    #expect(run.train { log.add($0) } == .completed)
    #expect(try log.notices == [notice] && run.log.contains(notice))
    // Also of a run that fails before its first step.
    let failing = try folder.place(Self.text(#", "initial_weights": "none.st""#), as: "failing")
    #expect(failing.train().failure != nil)
    #expect(try failing.log.contains(notice))
    #expect(try failing.record.dataSHA256 == run.record.dataSHA256)
  }
}
