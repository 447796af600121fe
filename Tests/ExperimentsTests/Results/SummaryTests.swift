import Experiments
import Files
import Testing

struct SummaryTests {
  private func group(
    _ variant: String, _ bits: Int, grid: [GridText] = [], seeds: Int = 3, _ runs: [RunRecord]
  ) -> SummaryGroup {
    SummaryGroup(variant: variant, bits: bits, grid: grid, seeds: Array(0..<seeds), runs: runs)
  }

  private var summary: Summary {
    Summary(
      experiment: "mnist",
      groups: [
        group(
          "full", 32, seeds: 2,
          [
            .sample("full", bits: 32, seed: 0, accuracy: 0.5, loss: 1, seconds: 10),
            .sample("full", bits: 32, seed: 1, accuracy: 1, loss: 2, seconds: 20),
          ]),
        group(
          "1|bit", 1, seeds: 2,
          [
            .sample("1|bit", bits: 1, seed: 0, accuracy: 0.25, loss: 1, seconds: 4000),
            .sample("1|bit", bits: 1, seed: 1, status: .diverged),
          ]),
        group("2-bit", 2, seeds: 2, []),
      ])
  }

  @Test func csv() throws {
    // Their last digits are the mathematics library's.
    let interval = try #require(summary.rows[0].finalAccuracyInterval)
    let (low, high) = (CSVNumber.text(interval.low), CSVNumber.text(interval.high))
    #expect(abs(interval.low + 2.4265511840436735) < 1e-12)
    #expect(abs(interval.high - 3.9265511840436735) < 1e-12)
    #expect(
      summary.csv == """
        experiment,variant,bits,seeds,completed,failed,final_val_accuracy_mean,final_val_accuracy_std,\
        final_val_accuracy_ci95_low,final_val_accuracy_ci95_high,best_val_accuracy_mean,final_val_loss_mean,\
        accuracy_gap_to_full_precision,weight_bytes,train_seconds_mean,status
        mnist,full,32,2,2,0,0.75,0.3535533905932738,\(low),\(high),0.75,1.5,0.0,407920,\
        15.0,completed
        mnist,1|bit,1,2,1,1,0.25,,,,0.25,1.0,0.5,26084,4000.0,partial
        mnist,2-bit,2,2,0,0,,,,,,,,,,running

        """)
  }

  @Test func json() {
    let summary = Summary(
      experiment: "mnist",
      groups: [
        group(
          "2-bit", 2,
          grid: [.init(key: "training.learning_rate", text: "1e-05"), .init(key: "a.b", text: "x")],
          seeds: 1, [.sample(accuracy: 0.25, loss: 2, seconds: 1)])
      ])
    #expect(
      summary.json == """
        {
          "experiment": "mnist",
          "variants": [
            {
              "experiment": "mnist",
              "variant": "2-bit",
              "training.learning_rate": 1e-05,
              "a.b": "x",
              "bits": 2,
              "seeds": 1,
              "completed": 1,
              "failed": 0,
              "final_val_accuracy_mean": 0.25,
              "final_val_accuracy_std": null,
              "final_val_accuracy_ci95_low": null,
              "final_val_accuracy_ci95_high": null,
              "best_val_accuracy_mean": 0.25,
              "final_val_loss_mean": 2.0,
              "accuracy_gap_to_full_precision": null,
              "weight_bytes": 26084,
              "train_seconds_mean": 1.0,
              "status": "completed"
            }
          ]
        }

        """)
  }

  @Test func markdown() {
    let table = """
      # mnist

      | variant | bits | runs | accuracy % | 95% interval | best % | gap | loss | weights | time a run | status |
      |:---|---:|---:|---:|---:|---:|---:|---:|---:|---:|:---|
      | full | 32 | 2 | 75.00 ± 35.36 | -242.66 to 392.66 | 75.00 | 0.00 | 1.5000 | 407.9 kB | 15.0 s | completed |
      | 1\\|bit | 1 | 1 of 2 | 25.00 | - | 25.00 | 50.00 | 1.0000 | 26.1 kB | 1 h 06 min | partial |
      | 2-bit | 2 | 0 of 2 | - | - | - | - | - | - | - | unfinished |


      """
    #expect(summary.markdown.hasPrefix(table))
    #expect(summary.markdown.hasSuffix("as packed.\n"))
  }

  @Test func terminalTable() {
    #expect(
      summary.table() == """
        variant  bits    runs     accuracy %       95% interval  best %    gap    loss   weights  time a run  status
        full       32       2  75.00 ± 35.36  -242.66 to 392.66   75.00   0.00  1.5000  407.9 kB      15.0 s  completed
        1|bit       1  1 of 2          25.00                  -   25.00  50.00  1.0000   26.1 kB  1 h 06 min  partial
        2-bit       2  0 of 2              -                  -       -      -       -         -           -  unfinished
        """)
  }

  /// What matters least goes first.
  @Test func narrowTables() {
    #expect(
      summary.table(width: 80) == """
        variant  bits    runs     accuracy %       95% interval    gap  status
        full       32       2  75.00 ± 35.36  -242.66 to 392.66   0.00  completed
        1|bit       1  1 of 2          25.00                  -  50.00  partial
        2-bit       2  0 of 2              -                  -      -  unfinished
        """)
    for width in [40, 50, 80, 100] {
      #expect(summary.table(width: width).split(separator: "\n").allSatisfy { $0.count <= width })
    }
    #expect(summary.table(width: 200) == summary.table())
  }

  @Test(
    arguments: [
      ([.completed, .completed, .completed], .completed, 0),
      ([.completed, .failed, .cancelled], .partial, 1),
      ([.completed, .diverged, .failed], .partial, 2), ([.completed, .failed, .queued], .running, 1),
      ([.completed, .completed], .running, 0), ([.failed, .diverged, .paused], .running, 2),
      ([], .running, 0),
      ([.failed, .diverged, .cancelled], .failed, 2), ([.cancelled, .cancelled, .cancelled], .failed, 0),
    ] as [([RunStatus], SummaryRow.Status, Int)])
  func status(runs: [RunStatus], expected: SummaryRow.Status, failed: Int) {
    let records = runs.enumerated().map {
      RunRecord.sample(seed: $0.offset, status: $0.element, accuracy: 0.5)
    }
    let row = Summary(experiment: "mnist", groups: [group("2-bit", 2, records)]).rows[0]
    #expect(row.status == expected)
    #expect(row.failed == failed)
    #expect(row.completed == runs.count { $0 == .completed })
    #expect(row.finalAccuracyMean == (row.completed > 0 ? 0.5 : nil))
  }

  @Test func theGapIsToTheFirstFullPrecisionVariantAtTheSameGridPoint() {
    func point(_ text: String) -> [GridText] { [.init(key: "training.batch_size", text: text)] }
    func one(_ variant: String, _ bits: Int, _ text: String, _ accuracy: Double) -> SummaryGroup {
      group(variant, bits, grid: point(text), seeds: 1, [.sample(variant, bits: bits, accuracy: accuracy)])
    }
    let summary = Summary(
      experiment: "mnist",
      groups: [
        one("1-bit", 1, "32", 0.25), one("full", 32, "32", 0.5), one("full-2", 32, "32", 0.75),
        one("1-bit", 1, "64", 0.5), one("full", 32, "64", 0.375), one("1-bit", 1, "128", 0.5),
      ])
    #expect(summary.rows.map(\.gapToFullPrecision) == [0.25, 0, -0.25, -0.125, 0, nil])
    #expect(summary.csv.hasPrefix("experiment,variant,training.batch_size,bits,"))
    #expect(summary.csv.contains("\nmnist,1-bit,32,1,1,1,0,"))
  }

  @Test func aMeanOverAnUnknownNumberIsUnknown() {
    let runs: [RunRecord] = [
      .sample(seed: 0, accuracy: 0.5, loss: 1), .sample(seed: 1, accuracy: 0.5, loss: nil),
    ]
    let row = Summary(experiment: "mnist", groups: [group("2-bit", 2, seeds: 2, runs)]).rows[0]
    #expect(row.finalLossMean == nil)
    #expect(row.finalAccuracyMean == 0.5)
  }

  @Test func writesAllThreeFiles() throws {
    let folder = try ResultsFixture()
    let experiment = ResultsFolder(folder.path).experiment("mnist")
    try experiment.create(in: folder.files)
    try summary.write(to: experiment, in: folder.files)
    #expect(
      try folder.files.list(experiment.path) == ["runs", "summary.csv", "summary.json", "summary.md"])
    #expect(try folder.text("mnist/summary.csv") == summary.csv)
    #expect(try folder.text("mnist/summary.json") == summary.json)
    #expect(try folder.text("mnist/summary.md") == summary.markdown)
  }
}

struct ResultsFolderTests {
  @Test func hasTheContractsPaths() {
    let results = ResultsFolder("results")
    #expect(results.lockFile == "results/.bitlab/lock")
    #expect(results.daemonLogFile == "results/.bitlab/daemon.log")
    #expect(results.experiment("a").configFile == "results/a/config.json")
    let run = results.experiment("a").run("2-bit-seed0")
    #expect(run.path == "results/a/runs/2-bit-seed0")
    #expect(run.curveFile == "results/a/runs/2-bit-seed0/curve.csv")
    #expect(run.recordFile == "results/a/runs/2-bit-seed0/run.json")
    #expect(run.modelFile == "results/a/runs/2-bit-seed0/model.safetensors")
  }

  @Test func findsTheExperiments() throws {
    let folder = try ResultsFixture()
    let results = ResultsFolder(folder.file("results"))
    #expect(try results.experimentNames(in: folder.files) == [])
    try results.create(in: folder.files)
    for name in ["b", "a", "reference", "unfinished"] {
      try results.experiment(name).run("x-seed0").create(in: folder.files)
      if name != "unfinished" { try folder.put("{}", as: "results/\(name)/config.json") }
    }
    #expect(try results.experimentNames(in: folder.files) == ["a", "b"])
    #expect(try folder.files.list(folder.file("results/a/runs")) == ["x-seed0"])
  }
}
