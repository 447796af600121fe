import Experiments
import Testing

@testable import bitlab

/// What `run` and `watch` show, at the sizes that terminals have.
struct RunTableTests {
  private static let accuracy = 0.8125

  private func row(_ name: String, _ status: RunStatus = .running) -> StatusRow {
    let parts = name.split(separator: "/").map(String.init)
    let live = LiveProgress(name, at: .now - .seconds(10))
    live.happened(.began(afterSteps: 0, totalSteps: 4_000))
    for epoch in 1...3 {
      let row = CurveRow(
        experiment: "a", variant: "b", seed: 0, grid: [], epoch: epoch, step: 100 * epoch,
        trainLoss: 3 / Double(epoch), trainAccuracy: 0.5, validationLoss: 1,
        validationAccuracy: Self.accuracy, learningRate: 0.1)
      live.happened(.epoch(row, imagesPerSecond: 1))
    }
    let progress = RunProgress(
      epoch: 4, epochs: 40, step: 400, totalSteps: 4_000, trainLoss: 0.5, trainAccuracy: 0.75,
      imagesPerSecond: 63_120)
    live.happened(.step(progress))
    var row = StatusRow(parts[0], parts[1], live.now)
    row.status = status
    return row
  }

  /// As a grid over learning rates with seeds makes them.
  private static let ids = ["full-precision", "2-bit", "1-bit"].flatMap { variant in
    ["0.001", "0.0001"].flatMap { rate in
      (0..<15).map { "fashion-mnist/\(variant)-training.learning_rate=\(rate)-seed\($0)" }
    }
  }

  @Test(arguments: [50, 80, 120], [1, 90])
  func everyLineFitsAndEveryNameIsDistinct(columns: Int, count: Int) {
    let rows = Self.ids.prefix(count).map { row($0) }
    let totals = RunTable.Totals(running: count, waiting: 3, ended: 2, secondsLeft: 3_700)
    var table = RunTable()
    let lines = table.lines(rows, totals, columns: columns, rows: 100)
    #expect(lines.count == count + 2 && lines.allSatisfy { $0.count <= columns }, "\(lines)")
    let names = lines.dropFirst().dropLast().map { String($0.prefix { $0 != " " }) }
    #expect(Set(names).count == count, "\(lines)")
    // What tells runs apart can be read.
    if count > 1 {
      for (name, id) in zip(names, Self.ids) {
        let seed = id.split(separator: "seed").last!
        let value = id.contains("0.0001") ? "0.0001" : "0.001"
        #expect(name.hasSuffix("-seed\(seed)") || name.hasSuffix("\(value)-s\(seed)"), "\(name)")
      }
    }
    for title in ["epoch", "validation", "left"] + (columns > 50 ? ["loss", "accuracy", "curve"] : []) {
      #expect(lines[0].contains(title), "\(lines[0])")
    }
    #expect(
      lines[1].contains("4/40") && lines[1].contains("81.25%") && lines[1].contains("1:30"), "\(lines[1])")
    let last = "\(count) running, 3 waiting, 2 of \(count + 5) ended, 1:01 h left"
    #expect(lines.last == String(last.prefix(columns)))
    if columns == 120 {
      #expect(
        lines[1].contains("0.5000") && lines[1].contains("█▄▂▁") && lines[1].contains("63120"), "\(lines[1])")
    }
  }

  @Test func whatRunsComesFirstAndTheRestAsFarAsThereIsRoom() {
    let rows = (0..<20).map { row("a/paused\($0)", .paused) } + [row("b/running")]
    var table = RunTable()
    let lines = table.lines(rows, .init(running: 1, paused: 20), columns: 80, rows: 12)
    #expect(lines.count == 10 && lines[1].hasPrefix("b/running ") && lines[2].hasPrefix("a/paused0 "))
    #expect(
      lines[2].hasSuffix(" paused")
        && lines.last == "13 more not shown; 1 running, 20 paused, 0 waiting, 0 of 21 ended")
    #expect(
      table.lines([], .init(waiting: 3), columns: 80, rows: 24) == ["0 running, 3 waiting, 0 of 3 ended"])
    // The same table goes on with other runs, and in other widths.
    for (width, count) in [(50, 20), (50, 21), (120, 21), (50, 21), (50, 3)] {
      var fresh = RunTable()
      #expect(
        table.lines(Array(rows.suffix(count)), .init(), columns: width, rows: 30)
          == fresh.lines(Array(rows.suffix(count)), .init(), columns: width, rows: 30))
    }
  }

  @Test func narrowTerminalsCutLines() {
    for columns in 1..<50 {
      var table = RunTable()
      let lines = table.lines([row("experiment/a-run")], .init(running: 1), columns: columns, rows: 3)
      #expect(lines.count == 3 && lines.allSatisfy { $0.count <= columns })
    }
  }

  /// `status` in the width of a terminal.
  @Test(arguments: [40, 50, 80, 120]) func aListOfRunsFits(width: Int) {
    var rows = Self.ids.map { row($0) }
    rows[1].remark = String(repeating: "its turn ", count: 20)
    let lines = StatusTable.text(rows, width: width)
    #expect(lines.count == 91 && lines.allSatisfy { $0.count <= width })
    let names = lines.dropFirst().map { String($0.prefix { $0 != " " }) }
    #expect(Set(names).count == 90, "\(names)")
    // What a run waits for goes before names cannot be read any more.
    #expect(lines[0].contains("waits for") == (width > 50) && lines[2].contains("its tur") == (width > 50))
    #expect(width < 50 || names.allSatisfy { $0.contains(/=?0\.0+1-s(eed)?\d+$/) }, "\(names)")
    #expect(lines[1].contains("running"))
    #expect(StatusTable.text(rows)[2].contains(rows[1].remark!.dropLast()))
  }

  @Test func namesStayAsTheyAreWhereThereIsRoom() {
    #expect(ShortNames(["a/b-1", "a/b-2"], width: 5).names == ["a/b-1", "a/b-2"])
    let short = ShortNames(["mnist/full-seed0", "mnist/full-seed1", "mnist/two-seed0"], width: 10)
    #expect(short.prefix == "mnist/" && short.names == ["full-seed0", "full-seed1", "two-seed0"])
    #expect(ShortNames(["mnist/full-seed0"], width: 10).names == ["full-seed0"])
    #expect(ShortNames(["x/training.learning_rate=0.1"], width: 17).names == ["learning_rate=0.1"])
    #expect(ShortNames(["abcdefgh", "abXdefgh"], width: 6).names == ["abc…gh", "abX…gh"])
    #expect(ShortNames(["abcdefgh", "abcdXfgh"], width: 6).names == ["a…efgh", "a…Xfgh"])
    // Where nothing tells them apart, their places do.
    let alike = (0..<3).map { "aaaaaaaaaa\(["b", "c", "d"][$0])aaaaaaaaaa" }
    #expect(Set(ShortNames(alike, width: 6).names).count == 3)
  }

  /// Values are what tells the runs of a grid apart: they go last.
  @Test func namesOfAGridKeepTheirValues() {
    func names(_ width: Int, decays: [String] = ["0", "0.1"], variants: [String] = ["2-bit", "full"])
      -> [String]
    {
      let ids = variants.flatMap { variant in
        ["0.01", "1e-05"].flatMap { rate in
          decays.flatMap { decay in
            (0...1).map {
              "mnist/\(variant)-training.learning_rate=\(rate)-training.weight_decay=\(decay)-seed\($0)"
            }
          }
        }
      }
      let short = ShortNames(ids, width: width)
      #expect(Set(short.names).count == ids.count && short.names.allSatisfy { $0.count <= width })
      return [short.names[0], short.names[short.names.count - 1]]
    }
    let last = "full-training.learning_rate=1e-05-training.weight_decay=0.1-seed1"
    #expect(names(80)[1] == "mnist/" + last && names(66)[1] == last)
    #expect(
      names(60) == [
        "2-bit-learning_rate=0.01-weight_decay=0-seed0", "full-learning_rate=1e-05-weight_decay=0.1-seed1",
      ])
    #expect(names(32) == ["2-bit-lr=0.01-wd=0-seed0", "full-lr=1e-05-wd=0.1-seed1"])
    #expect(names(22) == ["2-bit-0.01-0-s0", "full-1e-05-0.1-s1"])
    #expect(names(24) == ["2-bit-lr=0.01-wd=0-s0", "full-lr=1e-05-wd=0.1-s1"])
    #expect(names(20) == ["2-bit-0.01-0-s0", "full-1e-05-0.1-s1"])
    #expect(names(22, decays: ["0.1"]) == ["2-bit-lr=0.01-seed0", "full-lr=1e-05-seed1"])
    #expect(ShortNames(["x/a-training.seeds=1", "x/a-model.seeds=1"], width: 12).names.count == 2)
    // What is left out of all of them is said above them.
    let short = ShortNames(["m/a-x.lr=1-seed0", "m/b-x.lr=1-seed0"], width: 4)
    #expect(short.names == ["a", "b"] && short.title == "m/… lr=1 seed0", "\(short)")
    #expect(RunIDParts("a-seedling").seed == "" && RunIDParts("a-seed7").seed == "seed7")
    let betas = ShortNames(
      ["a-training.beta1=0.8-training.beta2=0.9", "a-training.beta1=0.9-training.beta2=0.9"], width: 12)
    #expect(betas.names == ["a-beta1=0.8", "a-beta1=0.9"] && betas.title == "run beta2=0.9", "\(betas)")
    // Ids of other kinds stay what they are.
    for id in ["full-seed0", "a=b", "-seed1", "seed1", "x-=3-seed0", "a-b=1--2-seedling", "A=3-seed2", ""] {
      #expect(RunIDParts(id[...]).text == id, "\(id)")
    }
  }

  @Test func aSparklineShowsACurve() {
    #expect(Sparkline.text([0, 1, 2, 3, 4, 5, 6, 7], width: 8) == "▁▂▃▄▅▆▇█")
    #expect(Sparkline.text([4, 0], width: 8) == "█▁" && Sparkline.text([1, 1], width: 8) == "▁▁")
    #expect(Sparkline.text([0, 2, 10, 12], width: 2) == "▁█" && Sparkline.text([], width: 8) == "")
    #expect(Sparkline.text([0, .nan, 1], width: 3) == "▁ █" && Sparkline.text([.nan], width: 3) == " ")
  }

  /// What waits is taken for runs like those that were seen.
  @Test func timeLeftCountsWhatWaits() throws {
    var board = ProgressBoard()
    let begin = ProgressBoard.Instant.now
    #expect(board.secondsLeft(waiting: 5, slots: 2, at: begin) == nil)
    for (name, steps) in [("a", 50), ("b", 25)] {
      let live = LiveProgress(name, at: begin)
      board.begin(live)
      live.happened(.began(afterSteps: 0, totalSteps: 100))
      live.happened(
        .step(
          RunProgress(
            epoch: 1, epochs: 1, step: steps, totalSteps: 100, trainLoss: 1, trainAccuracy: 0,
            imagesPerSecond: 1)))
    }
    let now = begin + .seconds(10)
    // 10 s and 30 s are left of 20 s and 40 s, and four runs of 30 s wait.
    #expect(board["a"]?.now.secondsLeft(at: now) == 10 && board["b"]?.now.secondsLeft(at: now) == 30)
    #expect(board.secondsLeft(waiting: 4, slots: 2, at: now) == 80)
    #expect(board.secondsLeft(waiting: 0, slots: 2, at: now) == 30)
    board.end("a", at: now)
    #expect(board.secondsLeft(waiting: 1, slots: 1, at: now) == 60)
  }

  /// However long a run, its curve takes little.
  @Test func aLongCurveIsBounded() {
    let live = LiveProgress("a")
    for epoch in 1...10_000 {
      let row = CurveRow(
        experiment: "a", variant: "b", seed: 0, grid: [], epoch: epoch, step: epoch, trainLoss: Double(epoch),
        trainAccuracy: 0, validationLoss: nil,
        validationAccuracy: nil, learningRate: 0.1)
      live.happened(.epoch(row, imagesPerSecond: 1))
    }
    let curve = live.now.curve
    #expect(32...64 ~= curve.count && curve == curve.sorted() && curve.first! < 200 && curve.last! > 9_000)
  }
}
