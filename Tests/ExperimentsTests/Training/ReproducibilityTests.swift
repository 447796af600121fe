import Dispatch
import Files
import Synchronization
import TensorCore
import Testing

@testable import Experiments

/// The same bytes whatever else happens: threads, company, pauses.
struct ReproducibilityTests {
  /// Several groups a batch and a network that shares work, so that threads have something to get wrong.
  private static func sharing(_ bits: Int, method: String = "simple-bitnet") -> ExperimentText {
    let method = bits == 32 ? "" : #", "method": "\#(method)""#
    var text = ExperimentText.digits(
      epochs: 2, variants: #"[{"name": "v", "bits": \#(bits)\#(method)}]"#, validation: 360)
    text.dataset = #"{"name": "digits", "train_limit": 300}"#
    text.model = #"{"type": "mlp", "hidden": [96, 200]}"#
    text.training =
      #"{"epochs": 2, "batch_size": 130, "learning_rate": 0.01, "log_every_steps": 1, "gradient_clip": 0.5}"#
    return text
  }

  @Test(arguments: [32, 2, 1]) func anyNumberOfThreads(bits: Int) throws {
    let folder = try TrainingFolder()
    let text = Self.sharing(bits)
    let alone = try folder.place(text, as: "1")
    #expect(alone.train(cores: 1) == .completed)
    let expected = try alone.results
    #expect(expected.curve.rows.count == 2 && expected.steps.rows.count == 6)
    for cores in [2, 3, 4, 9] {
      let run = try folder.place(text, as: "\(cores)")
      #expect(run.train(cores: cores) == .completed)
      #expect(try run.results == expected, "\(cores) threads")
    }
  }

  @Test func anyNumberOfThreadsForATransformer() throws {
    let folder = try TrainingFolder()
    var text = ExperimentText.digits(
      epochs: 1, #", "log_every_steps": 1"#, variants: #"[{"name": "v", "bits": 2, "method": "bitnet"}]"#)
    text.model = #"{"type": "vit", "width": 16, "layers": 2, "heads": 2, "mlp_width": 24, "patch": 2}"#
    let results = try [1, 2, 4].map { cores in
      let run = try folder.place(text, as: "\(cores)")
      #expect(run.train(cores: cores) == .completed)
      return try run.results
    }
    #expect(Set(results).count == 1)
  }

  @Test func besideOtherRuns() throws {
    let folder = try TrainingFolder()
    let texts = [Self.sharing(32), Self.sharing(2), Self.sharing(1), Self.sharing(2, method: "bitnet")]
    let expected = try texts.enumerated().map { index, text in
      let run = try folder.place(text, as: "alone-\(index)")
      #expect(run.train() == .completed)
      return try run.results
    }
    let pool = ComputePool(cores: 3)
    let runs = try texts.indices.map { try folder.place(texts[$0], as: "together-\($0)") }
    DispatchQueue.concurrentPerform(iterations: runs.count) { index in
      #expect(runs[index].train(pool: pool) == .completed)
    }
    for (run, results) in zip(runs, expected) { #expect(try run.results == results) }
  }

  @Test func seedsDiffer() throws {
    let folder = try TrainingFolder()
    let text = ExperimentText.digits(rest: [#""seeds": [0, 1]"#])
    let runs = try (0...1).map { try folder.place(text, $0, as: "\($0)") }
    for run in runs { run.train() }
    #expect(try runs[0].model != runs[1].model)
  }

  /// A stop that comes after the epoch's last step finds the run validating.
  @Test(
    arguments: [
      "", #", "optimizer": "sgd", "momentum": 0.9"#, #", "optimizer": "adamw", "checkpoint_every_steps": 3"#,
      #", "schedule": "cosine", "warmup_steps": 3, "max_steps": 11, "shuffle": false"#,
    ])
  func pausedAfterAnyStep(training: String) throws {
    let folder = try TrainingFolder()
    let text = ExperimentText.digits(
      training + #", "log_every_steps": 1"#, variants: #"[{"name": "two", "bits": 2}]"#)
    let uninterrupted = try folder.place(text, as: "uninterrupted")
    #expect(uninterrupted.train() == .completed)
    let expected = try uninterrupted.results
    for step in 1...expected.steps.rows.count {
      let run = try folder.place(text, as: "paused-\(step)")
      #expect(run.train(pausingAfter: step) == .paused)
      #expect(try run.record.step == step)
      #expect(run.train(cores: step % 2 + 1) == .completed)
      #expect(try run.record.outcome == uninterrupted.record.outcome)
      #expect(try run.results == expected, "paused after step \(step)")
    }
  }

  @Test func pausedAfterEveryStepInOneRun() throws {
    let folder = try TrainingFolder()
    let text = ExperimentText.digits(#", "log_every_steps": 1"#)
    let uninterrupted = try folder.place(text, as: "uninterrupted")
    uninterrupted.train()
    let run = try folder.place(text)
    for step in 1...12 { #expect(run.train(pausingAfter: step) == .paused) }
    #expect(run.train() == .completed)
    #expect(try run.results == uninterrupted.results)
    #expect(try run.curve.count == 3)
  }

  @Test func pausedBeforeTheFirstStep() throws {
    let folder = try TrainingFolder()
    let text = ExperimentText.digits(#", "log_every_steps": 1, "optimizer": "sgd", "momentum": 0.5"#)
    let uninterrupted = try folder.place(text, as: "uninterrupted")
    uninterrupted.train()
    let run = try folder.place(text)
    let control = RunControl()
    control.request = .pause
    #expect(run.train(control: control) == .paused)
    #expect(try run.record.step == 0)
    #expect(run.train() == .completed)
    #expect(try run.results == uninterrupted.results)
  }

  @Test func pausedAfterARowAndBeforeTheNextEpoch() throws {
    let folder = try TrainingFolder()
    let text = ExperimentText.digits(#", "log_every_steps": 1"#)
    let uninterrupted = try folder.place(text, as: "uninterrupted")
    uninterrupted.train()
    for epoch in 1...2 {
      let run = try folder.place(text, as: "\(epoch)")
      let control = RunControl()
      let outcome = run.train(control: control) { event in
        if case .epoch(let row, _) = event, row.epoch == epoch { control.request = .pause }
      }
      #expect(outcome == .paused)
      #expect(try run.curve.count == epoch)
      #expect(run.train() == .completed)
      #expect(try run.results == uninterrupted.results)
    }
  }

  @Test func checkpointsEverySoManyStepsAreWritten() throws {
    let folder = try TrainingFolder()
    let names = Mutex<Set<String>>([])
    let files = WatchedFileSystem { path, _ in
      let name = FilePath.name(of: path)
      if name.hasPrefix("checkpoint.") { names.withLock { _ = $0.insert(name) } }
    }
    let run = try folder.place(.digits(#", "checkpoint_every_steps": 3"#))
    #expect(run.train(in: files) == .completed)
    let steps = names.withLock { $0 }.compactMap {
      $0.split(separator: ".").dropFirst().first.flatMap { Int($0) }
    }
    #expect(steps.sorted() == [3, 4, 6, 8, 9, 12])
    #expect(try !run.files.contains { $0.contains("checkpoint") }, "a completed run needs none")
  }
}
