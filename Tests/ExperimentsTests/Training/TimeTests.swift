import Datasets
import Files
import Synchronization
import TensorCore
import Testing

@testable import Experiments

/// Clocks that go as a test says.
private final class TestClocks: Sendable {
  private let elapsed = Atomic(0)
  private let computed = Atomic(0)

  var clocks: RunClocks {
    RunClocks(
      elapsed: { self.elapsed.load(ordering: .relaxed) }, computed: { self.computed.load(ordering: .relaxed) }
    )
  }

  func pass(_ elapsed: Double, computing computed: Double) {
    self.elapsed.add(Int(elapsed * 1e9), ordering: .relaxed)
    self.computed.add(Int(computed * 1e9), ordering: .relaxed)
  }
}

struct StopwatchTests {
  @Test(arguments: [
    (2.0, 1.5, 1.5), (2.0, 7.5, 2.0), (3_600.0, 0.0, 0.0), (0.0, 0.0, 0.0),
  ])
  func aLapsComputingIsAtMostWhatElapsed(elapsed: Double, computing: Double, expected: Double) {
    let clocks = TestClocks()
    clocks.pass(5, computing: 50)
    var watch = Stopwatch(clocks.clocks)
    clocks.pass(elapsed, computing: computing)
    #expect(watch.restart() == Stopwatch.Lap(elapsed: elapsed, computed: expected))
    #expect(watch.restart() == Stopwatch.Lap(elapsed: 0, computed: 0))
  }

  @Test func theSystemsClocksGoOn() {
    let before = (RunClocks.system.elapsed(), RunClocks.system.computed())
    var sum = 0
    while RunClocks.system.computed() == before.1 { sum += 1 }
    #expect(RunClocks.system.elapsed() > before.0)
  }
}

struct SavingPaceTests {
  @Test func atMostOnceInAnInterval() {
    var pace = SavingPace(interval: .seconds(1), since: 7_000_000_000)
    let moments = [7_000_000_000, 7_999_999_999, 8_000_000_000, 8_000_000_001, 8_999_999_999, 9_500_000_000]
    #expect(moments.map { pace.isDue(at: $0) } == [false, false, true, false, false, true])
    var always = SavingPace(interval: .zero, since: 0)
    #expect([0, 0, 1].map { always.isDue(at: $0) } == [true, true, true])
    var atOnce = SavingPace(interval: .seconds(1), since: nil)
    #expect([5, 1_000_000_004, 1_000_000_005].map { atOnce.isDue(at: $0) } == [true, false, true])
  }
}

/// What a run does by the clock.
struct TimeTests {
  private static let limit = 100.0

  /// - Parameter moment: called after each step, so that each may take as long as the test likes.
  private static func train(
    _ run: PlacedRun, _ clocks: TestClocks, files: any FileSystem = POSIXFileSystem(),
    control: RunControl = RunControl(), afterStep moment: @escaping (_ step: Int) -> Void
  ) -> RunOutcome {
    var environment = TrainingEnvironment(
      pool: ComputePool(cores: 1), datasets: DatasetLibrary(DataFolder("no data")), files: files)
    environment.clocks = clocks.clocks
    return run.train(in: environment, control: control) { event in
      if case .step(let progress) = event { moment(progress.step) }
    }
  }

  private static func text(_ training: String = "", epochs: Int = 3) -> ExperimentText {
    .digits(epochs: epochs, #", "log_every_steps": 1\#(training)"#, rest: [#""time_limit_seconds": 100"#])
  }

  /// The process was stopped for an hour, and the disk took another one.
  @Test func timeInWhichNothingIsComputedDoesNotCount() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(Self.text())
    let clocks = TestClocks()
    #expect(Self.train(run, clocks) { _ in clocks.pass(3_600, computing: 1) } == .completed)
    #expect(try run.curve.map(\.step) == [4, 8, 12])
    #expect(try run.record.stoppedBy == nil)
    #expect(try !run.files.contains { $0.hasPrefix("checkpoint") })
  }

  /// The step in which the limit strikes, counted from what it and those before took.
  @Test(arguments: [2, 3, 4, 6, 7, 8, 11])
  func aRunThatItsLimitEndedGoesOnToTheSameBytes(limit: Int) throws {
    let folder = try TrainingFolder()
    let whole = try folder.place(.digits(#", "log_every_steps": 1"#), as: "whole")
    #expect(whole.train() == .completed)
    let stopping = #", "early_stopping": {"metric": "val_loss", "patience": 99}"#
    let run = try folder.place(Self.text(stopping))
    let clocks = TestClocks()
    // The event comes after the step was counted: what passes then counts for the next one.
    let outcome = Self.train(run, clocks) { step in
      if step == limit - 1 { clocks.pass(Self.limit, computing: Self.limit) }
    }
    #expect(outcome == .completed)
    let record = try run.record
    #expect(record.stoppedBy == "time_limit_seconds" && record.status == .completed && record.step == limit)
    #expect(try run.curve.last?.step == limit && run.files.contains("model.safetensors"))
    #expect(try run.files.contains("checkpoint.00000000\(limit < 10 ? "0" : "")\(limit).bitlab"))

    // The same limit ends it at once, with the same rows.
    let rows = try run.curveText
    #expect(Self.train(run, TestClocks()) { _ in } == .completed)
    #expect(try run.curveText == rows && run.record.stoppedBy == "time_limit_seconds")

    let raised = run.moved(timeLimitSeconds: 1_000)
    #expect(Self.train(raised, TestClocks()) { _ in } == .completed)
    #expect(try raised.results == whole.results)
    #expect(try raised.record.stoppedBy == nil)
    #expect(try !raised.files.contains { $0.hasPrefix("checkpoint") })
  }

  /// Other ends in the same step are theirs.
  @Test(arguments: [#", "max_steps": 6"#, #", "early_stopping": {"metric": "val_loss", "patience": 1}"#])
  func whatElseEndsARunIsNotTheLimit(training: String) throws {
    let folder = try TrainingFolder()
    let run = try folder.place(
      .digits(rate: "1e-30", training, rest: [#""time_limit_seconds": 100"#]))
    let clocks = TestClocks()
    let last = training.contains("max_steps") ? 6 : 8
    #expect(Self.train(run, clocks) { if $0 == last - 1 { clocks.pass(200, computing: 200) } } == .completed)
    #expect(try run.record.step == last && run.record.stoppedBy == nil)
    #expect(try !run.files.contains { $0.hasPrefix("checkpoint") })
  }

  /// Small networks have thousands of epochs in a second.
  @Test func shortEpochsAreSavedOnceASecond() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(epochs: 60))
    let clocks = TestClocks()
    let saved = Mutex<[String]>([])
    let files = WatchedFileSystem { path, _ in
      saved.withLock { $0.append(FilePath.name(of: path)) }
    }
    // Four steps an epoch: a second is over in the 17th and the 34th, and so on.
    #expect(Self.train(run, clocks, files: files) { _ in clocks.pass(0.015, computing: 0.015) } == .completed)
    let steps = saved.withLock { $0 }.filter { $0.hasPrefix("checkpoint") }
    #expect(
      steps
        == [68, 136, 204].map { "checkpoint.\(String(repeating: "0", count: $0 < 100 ? 8 : 7))\($0).bitlab" })
    // The first and the last word, and those after epochs 1, 18, 35 and 52.
    #expect(saved.withLock { $0 }.count { $0 == "run.json" } == 6)
    #expect(try run.curve.count == 60)
  }

  /// What was asked for is written whatever the time.
  @Test func checkpointsThatWereAskedForAreWritten() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(#", "checkpoint_every_steps": 3"#))
    let saved = Mutex<[String]>([])
    let files = WatchedFileSystem { path, _ in
      saved.withLock { $0.append(FilePath.name(of: path)) }
    }
    let control = RunControl()
    let outcome = Self.train(run, TestClocks(), files: files, control: control) { step in
      if step == 7 { control.request = .pause }
    }
    #expect(outcome == .paused)
    #expect(
      saved.withLock { $0 }.filter { $0.hasPrefix("checkpoint") }
        == [3, 6, 7].map { "checkpoint.000000000\($0).bitlab" })
  }
}
