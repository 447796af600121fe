import Networks
import TensorCore

/// How the time of a training step grows: each size beside another of its kind, as time a unit of each core's work.
///
/// 1.00 is growth in step with the work; below it larger is cheaper. With several runs the last one's end counts, so a
/// core that stands idle shows.
struct ScalingBench {
  private let options: BenchOptions
  private let progress: (String) -> Void

  init(_ options: BenchOptions, progress: @escaping (String) -> Void) {
    self.options = options
    self.progress = progress
  }

  /// One size of one kind.
  private struct Case {
    var kind: String
    var size: Int
    var specification: NetworkSpecification
    var batch = 64
    var runs = 1
    /// nil for all.
    var cores: Int?
    /// Steps of each run beside the first one's: all the same, or one, two, three times as many, so that they end one
    /// after the other.
    var stepsGrow = false

    /// Of a step of the first run.
    var stepWork: Double { specification.network(shardImages: 1).trainingWork * Double(batch) }

    func steps(ofRun run: Int) -> Int { stepsGrow ? run + 1 : 1 }

    /// Of a step of the first run, and what the others do meanwhile or after it.
    var work: Double {
      stepWork * Double((0..<runs).reduce(0) { $0 + steps(ofRun: $1) })
    }
  }

  func table() throws(OutOfMemory) -> BenchTable {
    var table = BenchTable(
      name: "scaling",
      title:
        "a ViT's training step (width 128, 4 layers, 50 tokens, batch 64, 2 bits) on \(options.threadCount) threads; "
        + "time a unit of work beside the kind's own base",
      nameColumns: ["grows", "to"],
      columns: [
        .init(key: "mflop", header: "MFLOP", digits: 0), .init(key: "milliseconds", header: "ms", digits: 2),
        .init(key: "gflops", header: "GFLOP/s"), .init(key: "time_per_work", header: "time/work", digits: 2),
      ])
    for kind in kinds {
      // In turn, so that what else the machine does meets all sizes alike.
      var times = kind.map { _ in [Double]() }
      let rounds = 5
      for round in 0..<rounds {
        progress("\(kind[0].kind), round \(round + 1) of \(rounds)")
        for (index, one) in kind.enumerated() { times[index].append(try time(one)) }
      }
      let medians = times.map(BenchClock.median)
      let base = kind.firstIndex { $0.size == Self.base[$0.kind] } ?? 0
      for (index, one) in kind.enumerated() {
        let ratios = (0..<rounds).map {
          times[index][$0] / share(one) / (times[base][$0] / share(kind[base]))
        }
        table.rows.append(
          .init(
            names: [one.kind, String(one.size)],
            figures: [
              one.work * 1e-6, medians[index] * 1e3, one.work / medians[index] * 1e-9,
              BenchClock.median(ratios),
            ]))
      }
    }
    return table
  }

  private func cores(_ one: Case) -> Int { one.cores ?? options.threadCount }

  /// The work that falls to each core.
  private func share(_ one: Case) -> Double { one.work / Double(cores(one)) }

  /// The size that the others of a kind are compared with.
  private static let base = [
    "batch": 64, "width": 128, "tokens": 50, "layers": 4, "cores": 1, "runs": 2, "unequal runs": 1,
  ]

  private var kinds: [[Case]] {
    [
      [16, 32, 64, 128, 256].map { Case(kind: "batch", size: $0, specification: Self.vit(), batch: $0) },
      [64, 128, 256, 384].map { Case(kind: "width", size: $0, specification: Self.vit(width: $0)) },
      [17, 50, 197].map { tokens in
        let patch = [17: 7, 50: 4, 197: 2][tokens]!
        return Case(kind: "tokens", size: tokens, specification: Self.vit(patch: patch))
      },
      [2, 4, 8, 12].map { Case(kind: "layers", size: $0, specification: Self.vit(layers: $0)) },
      Set([1, 2, options.threadCount]).filter { $0 <= options.threadCount }.sorted().map {
        Case(kind: "cores", size: $0, specification: Self.vit(), cores: $0)
      },
      [1, 2, 3, 4, 6].map { Case(kind: "runs", size: $0, specification: Self.vit(), runs: $0) },
      [1, 2, 3].map {
        Case(kind: "unequal runs", size: $0, specification: Self.vit(), runs: $0, stepsGrow: true)
      },
    ]
  }

  private static func vit(width: Int = 128, layers: Int = 4, patch: Int = 4) -> NetworkSpecification {
    let vit = ViTSpecification(
      width: width, layers: layers, heads: width / 32, mlpWidth: 2 * width, patch: patch)
    return NetworkSpecification(
      architecture: vit, image: ImageShape(channels: 1, height: 28, width: 28), classes: 10,
      precision: .ternary)
  }

  /// Seconds of a step of the first run, and of what the others do beside it: the mean of many.
  ///
  /// All runs begin together, and the clock stops when the last one ends.
  private func time(_ one: Case) throws(OutOfMemory) -> Double {
    let pool = ComputePool(cores: cores(one))
    let models = try (0..<one.runs).map { _ throws(OutOfMemory) in
      try BenchedModel(one.specification, batch: one.batch, pool: pool)
    }
    for model in models { for _ in 0..<3 { model.step() } }
    let step =
      BenchClock.time { models[0].step() } * one.work
      / one.stepWork
    let count = max(1, Int((options.seconds ?? 1) / 2 / step))
    return BenchClock.time {
      BenchThreads.run(one.runs) { run in
        pool.withRun { for _ in 0..<count * one.steps(ofRun: run) { models[run].step() } }
      }
    } / Double(count)
  }
}
