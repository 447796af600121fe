import Files
import Testing

@testable import Experiments

/// Where a run ends: its epochs, max_steps, the time limit, early stopping, divergence.
struct RunEndTests {
  @Test func maxStepsInsideAnEpochValidatesAndWritesALastRow() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(#", "max_steps": 6, "log_every_steps": 1"#))
    #expect(run.train() == .completed)
    let curve = try run.curve
    #expect(curve.map(\.epoch) == [1, 2] && curve.map(\.step) == [4, 6])
    #expect(curve[1].validationLoss != nil)
    // The last row's means are over the two batches of 16 it saw.
    let steps = try run.stepsText.rows.suffix(2).map { Double($0[5])! }
    #expect((curve[1].trainLoss - (steps[0] + steps[1]) / 2).magnitude < 1e-9)
    let record = try run.record
    #expect(record.epoch == 2 && record.step == 6 && record.finalValidationLoss == curve[1].validationLoss)
    #expect(try run.files.contains("model.safetensors"))
  }

  @Test(arguments: [4, 8, 12, 99]) func maxStepsAtAnEpochsEndWritesNoRowMore(maxSteps: Int) throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(#", "max_steps": \#(maxSteps)"#))
    #expect(run.train() == .completed)
    #expect(try run.curve.map(\.step) == [4, 8, 12].filter { $0 <= maxSteps })
    #expect(try run.record.step == min(12, maxSteps))
  }

  @Test func aTimeLimitEndsTheRunInsideAnEpoch() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(rest: [#""time_limit_seconds": 1e-9"#]))
    #expect(run.train() == .completed)
    let curve = try run.curve
    #expect(curve.map(\.epoch) == [1] && curve.map(\.step) == [1])
    #expect(curve[0].trainLoss.isFinite && curve[0].validationLoss != nil)
  }

  @Test func aTimeLimitReachedAtAnEpochsEndWritesNoRowMore() throws {
    let folder = try TrainingFolder()
    var text = ExperimentText.digits(rest: [#""time_limit_seconds": 1e-9"#])
    text.dataset = #"{"name": "digits", "train_limit": 16, "validation_limit": 20}"#
    let run = try folder.place(text)
    #expect(run.train() == .completed)
    #expect(try run.curve.map(\.step) == [1])
    #expect(try run.record.epoch == 1)
  }

  /// Pauses at an epoch's end, after its row, and goes on with a limit that has passed.
  @Test func aTimeLimitAlreadyPassedEndsAResumedRunAtOnce() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits())
    let control = RunControl()
    let outcome = run.train(control: control) { event in
      if case .epoch = event { control.request = .pause }
    }
    #expect(outcome == .paused)
    let before = try run.curveText
    let limited = run.moved(timeLimitSeconds: 1e-9)
    #expect(limited.train() == .completed)
    #expect(try limited.curveText == before && before.rows.count == 1)
    let record = try limited.record
    #expect(record.status == .completed && record.epoch == 1 && record.step == 4)
    #expect(try record.finalValidationLoss == limited.curve[0].validationLoss)
    #expect(try limited.files.contains("model.safetensors"))
  }

  @Test func aTimeLimitAlreadyPassedInsideAnEpochStillValidates() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits())
    run.train(pausingAfter: 5)
    let limited = run.moved(timeLimitSeconds: 1e-9)
    #expect(limited.train() == .completed)
    #expect(try limited.curve.map(\.step) == [4, 5])
    #expect(try limited.curve.map(\.epoch) == [1, 2])
  }

  /// A rate near zero changes nothing, so the first epoch stays the best.
  @Test(arguments: ["val_loss", "val_accuracy"], [1, 2])
  func earlyStoppingCountsEpochsWithoutImprovement(metric: String, patience: Int) throws {
    let folder = try TrainingFolder()
    let stopping = #", "early_stopping": {"metric": "\#(metric)", "patience": \#(patience)}"#
    let run = try folder.place(.digits(epochs: 9, rate: "1e-30", stopping))
    #expect(run.train() == .completed)
    #expect(try run.curve.map(\.epoch) == Array(1...1 + patience))
    let record = try run.record
    #expect(record.bestEpoch == 1 && record.epoch == 1 + patience && record.status == .completed)
  }

  @Test func aRunThatImprovesIsNotStopped() throws {
    let folder = try TrainingFolder()
    let stopping = #", "early_stopping": {"metric": "val_loss", "patience": 1}, "shuffle": false"#
    let run = try folder.place(.digits(epochs: 6, rate: "0.001", stopping))
    run.train()
    let losses = try run.curve.map(\.validationLoss!)
    let firstRise = zip(losses, losses.dropFirst()).enumerated().first { $0.element.1 >= $0.element.0 }
    #expect(losses.count == (firstRise.map { $0.offset + 2 } ?? 6))
    #expect(losses.count > 2, "the sample improves at first")
  }

  @Test func patienceIsCountedAcrossAPause() throws {
    let folder = try TrainingFolder()
    let stopping = #", "early_stopping": {"metric": "val_loss", "patience": 3}"#
    let run = try folder.place(.digits(epochs: 9, rate: "1e-30", stopping))
    #expect(run.train(pausingAfter: 10) == .paused)
    #expect(run.train() == .completed)
    #expect(try run.curve.map(\.epoch) == [1, 2, 3, 4])
  }

  @Test(arguments: ["1e20", "1e38"]) func aLossThatIsNotFiniteEndsTheRun(rate: String) throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(rate: rate, #", "optimizer": "sgd", "log_every_steps": 1"#))
    let problem = try #require(run.train().divergence)
    let (record, curve) = (try run.record, try run.curve)
    #expect(record.status == .diverged && record.error == problem && record.ended != nil)
    #expect(try !run.files.contains("model.safetensors"))
    #expect(curve.count == 1 && curve[0].step == record.step && record.epoch == 1)
    #expect(!curve[0].trainLoss.isFinite && curve[0].validationLoss == nil)
    let steps = try run.stepsText.rows
    #expect(steps.count == record.step && ["nan", "inf"].contains(steps.last![5]))
    #expect(problem.contains("in step \(record.step)"))
  }

  /// One step of an enormous rate: the last batch's loss was still fine, the validation's is not.
  @Test func aValidationLossThatIsNotFiniteEndsTheRun() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(rate: "1e38", #", "optimizer": "sgd", "max_steps": 1"#))
    let problem = try #require(run.train().divergence)
    #expect(problem.contains("validation loss"))
    #expect(try run.curve[0].trainLoss.isFinite && !run.curve[0].validationLoss!.isFinite)
    #expect(try run.record.status == .diverged)
    #expect(try run.record.finalValidationLoss == nil, "JSON has no word for it")
  }
}
