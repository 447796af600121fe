import Dispatch
import Networks
import Synchronization
import TensorCore

/// How the time of a training step grows: each size beside the first of its kind, as time a unit of work.
///
/// 1.00 is growth in step with the work; below it larger is cheaper.
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
    var batch = 128
    var runs = 1

    /// Of a step of every run.
    var work: Double { Double(specification.trainingWork * batch * runs) }
  }

  func table() -> BenchTable {
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
    for kind in Self.kinds {
      // In turn, so that what else the machine does meets all sizes alike.
      var times = kind.map { _ in [Double]() }
      let rounds = 5
      for round in 0..<rounds {
        progress("\(kind[0].kind), round \(round + 1) of \(rounds)")
        for (index, one) in kind.enumerated() { times[index].append(time(one)) }
      }
      let medians = times.map(BenchClock.median)
      let base = kind.firstIndex { $0.size == Self.base[$0.kind] } ?? 0
      for (index, one) in kind.enumerated() {
        let ratios = (0..<rounds).map { times[index][$0] / one.work / (times[base][$0] / kind[base].work) }
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

  /// The size that the others of a kind are compared with.
  private static let base = ["batch": 64, "width": 128, "tokens": 50, "layers": 4, "runs": 2]

  private static var kinds: [[Case]] {
    [
      [16, 32, 64, 128, 256].map { Case(kind: "batch", size: $0, specification: vit(), batch: $0) },
      [64, 128, 256, 384].map { Case(kind: "width", size: $0, specification: vit(width: $0), batch: 64) },
      [17, 50, 197].map { tokens in
        let patch = [17: 7, 50: 4, 197: 2][tokens]!
        return Case(kind: "tokens", size: tokens, specification: vit(patch: patch), batch: 64)
      },
      [2, 4, 8, 12].map { Case(kind: "layers", size: $0, specification: vit(layers: $0), batch: 64) },
      [1, 2, 3, 4, 6].map { Case(kind: "runs", size: $0, specification: vit(), batch: 64, runs: $0) },
    ]
  }

  private static func vit(width: Int = 128, layers: Int = 4, patch: Int = 4) -> NetworkSpecification {
    let vit = ViTSpecification(
      width: width, layers: layers, heads: width / 32, mlpWidth: 2 * width, patch: patch)
    return NetworkSpecification(
      architecture: .vit(vit), image: ImageShape(channels: 1, height: 28, width: 28), classes: 10,
      precision: .ternary)
  }

  /// Seconds of one step of every run, the median of some.
  private func time(_ one: Case) -> Double {
    let pool = ComputePool(cores: options.threadCount)
    let seconds = (options.seconds ?? 1) / 2
    let times = Mutex<[Double]>([])
    let group = DispatchGroup()
    for run in 0..<one.runs {
      DispatchQueue(label: "bitlab.bench.\(run)", qos: .userInitiated).async(group: group) {
        let own = pool.withRun {
          let model = BenchedModel(one.specification, batch: one.batch, pool: pool)
          return BenchClock.times(for: seconds) { model.train() }
        }
        times.withLock {
          $0.append(one.runs > 1 ? own.reduce(0, +) / Double(own.count) : BenchClock.median(own))
        }
      }
    }
    group.wait()
    // Runs at once take turns: a step of every run has been done when the average run has done one.
    return times.withLock { $0.reduce(0, +) / Double($0.count) }
  }
}
