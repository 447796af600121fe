import Files
import Foundation
import Testing

@testable import Experiments

/// What `run.json` says of runs that ended in each way.
struct RunRecordContentTests {
  static let keys = [
    "experiment", "run", "variant", "seed", "bits", "method", "status", "error", "config_hash", "parameters",
    "weight_bytes", "epoch", "step", "final_val_accuracy", "final_val_loss", "best_val_accuracy",
    "best_epoch",
    "started", "ended", "train_seconds", "host", "cpu", "threads", "bitlab_version", "swift_version",
    "run_hash", "reused_from", "stopped_by", "data_sha256", "grid", "settings", "crc32",
  ]

  private static func keys(of run: PlacedRun) throws -> [String] {
    try POSIXFileSystem().readText(run.folder.recordFile).matches(of: /\n\s\s"([a-z0-9_]+)":/).map {
      String($0.1)
    }
  }

  @Test func aCompletedRun() throws {
    let folder = try TrainingFolder()
    let text = ExperimentText.digits(variants: #"[{"name": "two", "bits": 2}]"#, rest: [#""seeds": [7]"#])
    let run = try folder.place(text)
    run.train(cores: 2)
    #expect(try Self.keys(of: run) == Self.keys)
    let (record, curve) = (try run.record, try run.curve)
    #expect(record.experiment == "sample" && record.run == "two-seed7" && record.variant == "two")
    #expect(record.seed == 7 && record.bits == 2 && record.method == "simple-bitnet")
    #expect(record.status == .completed && record.error == nil)
    #expect(try record.configHash == text.experiment().configHash)
    #expect(record.parameters == 64 * 8 + 8 + 8 * 10 + 10)
    // Two bits a weight and a scale for each of two matrices, biases in full.
    #expect(record.weightBytes == (64 * 8 + 8 * 10) / 4 + 2 * 4 + (8 + 10) * 4)
    #expect(record.epoch == 3 && record.step == 12)
    #expect(record.finalValidationAccuracy == curve[2].validationAccuracy)
    #expect(record.finalValidationLoss == curve[2].validationLoss)
    let best = curve.map(\.validationAccuracy!).max()!
    #expect(record.bestValidationAccuracy == best)
    #expect(record.bestEpoch == curve.first { $0.validationAccuracy == best }?.epoch)
    #expect(
      record.runHash
        == RunIdentity(run.plan, dataSHA256: try #require(record.dataSHA256)).hash)
    #expect(record.threads == 2 && record.host != nil && record.cpu != nil)
    #expect(record.bitlabVersion == Machine.bitlabVersion && record.swiftVersion == Machine.swiftVersion)
    #expect(record.started! <= record.ended!)
  }

  @Test func fullPrecisionHasNoMethod() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits())
    run.train()
    let record = try run.record
    #expect(record.method == nil && record.bits == 32)
    #expect(record.weightBytes == 4 * record.parameters!)
  }

  @Test func aPausedRunThatGoesOnKeepsItsBeginning() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits())
    #expect(run.train(pausingAfter: 6) == .paused)
    let paused = try run.record
    #expect(paused.status == .paused && paused.step == 6 && paused.epoch == 2 && paused.ended == nil)
    #expect(try paused.finalValidationLoss == run.curve[0].validationLoss)
    #expect(try run.files.contains("checkpoint.0000000006.bitlab"))
    #expect(run.train() == .completed)
    let record = try run.record
    #expect(record.status == .completed && record.started == paused.started)
    #expect(record.trainSeconds! > paused.trainSeconds!)
    #expect(try run.log.contains("goes on after step 6"))
  }

  @Test func aCancelledRunCanBeLookedAt() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits())
    let control = RunControl()
    let outcome = run.train(control: control) { event in
      if case .step(let progress) = event, progress.step == 5 { control.request = .cancel }
    }
    #expect(outcome == .cancelled)
    let record = try run.record
    #expect(record.status == .cancelled && record.step == 5 && record.ended != nil)
    #expect(try !run.files.contains("model.safetensors"))
  }

  @Test func aRunThatFailsBeforeItsFirstStepIsOnRecord() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(#", "initial_weights": "none.safetensors""#))
    let failure = try #require(run.train().failure)
    #expect(failure.kind == .content && failure.description.contains("none.safetensors"))
    #expect(try Self.keys(of: run) == Self.keys)
    let record = try run.record
    #expect(record.status == .failed && record.error == failure.description && record.ended != nil)
    #expect(record.parameters == 610)
    #expect(try run.log.contains("failed: \(failure)"))
  }

  @Test func aRunWhoseDataAreMissingIsOnRecord() throws {
    let folder = try TrainingFolder()
    var text = ExperimentText.digits()
    text.dataset = #"{"name": "mnist"}"#
    let run = try folder.place(text)
    let failure = try #require(run.train().failure)
    #expect(failure.kind == .content && !failure.mayPass)
    let record = try run.record
    #expect(record.status == .failed && record.parameters == nil && record.weightBytes == nil)
    #expect(try Self.keys(of: run) == Self.keys)
  }
}
