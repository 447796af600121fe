import Experiments
import Networks
import Synchronization
import TensorCore

/// How long runs take on this machine, by steps on random data that are measured in a few seconds.
struct TimeEstimate {
  /// Runs at once.
  let slots: Int

  /// What takes equally long.
  private struct Kind: Hashable {
    var network: NetworkSpecification
    var batch: Int
  }

  /// Seconds for an image, of one run beside the others.
  private struct Pace {
    var training: Double
    var validation: Double
  }

  /// Seconds for all measurements.
  private static let budget = 3.2
  /// Kinds that are measured; others take as long as the work in them says.
  private static let mostMeasured = 6
  /// Operations a second that a step's length is guessed by before it is measured.
  private static let guessedSpeed = 4e10
  /// Seconds that a measured step is to take at most, by that guess.
  private static let longestStep = 0.08

  /// Seconds until the runs have ended, begun in their order; nil where too little is known of one.
  func seconds(_ runs: [PlanFacts.Run]) throws(OutOfMemory) -> Double? {
    let kinds = runs.map(kind)
    let atOnce = min(slots, runs.count)
    // More than an integer holds, for a plan of years.
    var work: [Kind: Double] = [:]
    for case (let kind?, let run) in zip(kinds, runs) {
      work[kind, default: 0] +=
        Double(run.steps ?? 0) * Double(kind.batch) * Double(kind.network.trainingWork)
    }
    let measured = work.sorted { $0.value > $1.value }.prefix(Self.mostMeasured).map(\.key)
    var paces: [Kind: Pace] = [:]
    for kind in measured {
      paces[kind] = try pace(kind, atOnce: atOnce, seconds: Self.budget / Double(measured.count))
    }
    var durations: [Double] = []
    for (kind, run) in zip(kinds, runs) {
      guard let kind, let steps = run.steps, let train = run.trainImages,
        let validation = run.validationImages,
        let pace = paces[kind] ?? likely(kind, paces)
      else { return nil }
      let images = Double(steps) * Double(train) / Double((train + kind.batch - 1) / kind.batch)
      let epochs = (images / Double(train)).rounded(.up)
      durations.append(images * pace.training + epochs * Double(validation) * pace.validation)
    }
    return end(durations)
  }

  private func kind(_ run: PlanFacts.Run) -> Kind? {
    guard let network = run.network, let train = run.trainImages else { return nil }
    return Kind(network: network, batch: min(run.plan.training.batchSize, train))
  }

  /// By the work of one that was measured, of the same weights where there is one.
  private func likely(_ kind: Kind, _ paces: [Kind: Pace]) -> Pace? {
    let known =
      paces.first { $0.key.network.precision == kind.network.precision && $0.key.batch == kind.batch }
      ?? paces.first
    guard let (other, pace) = known else { return nil }
    let ratio = Double(kind.network.trainingWork) / Double(other.network.trainingWork)
    return Pace(training: pace.training * ratio, validation: pace.validation * ratio)
  }

  /// When the last of them ends, each begun as soon as one before it has.
  private func end(_ durations: [Double]) -> Double {
    var free = [Double](repeating: 0, count: max(1, slots))
    for duration in durations {
      let next = free.indices.min { free[$0] < free[$1] }!
      free[next] += duration
    }
    return free.max() ?? 0
  }

  private func pace(_ kind: Kind, atOnce: Int, seconds: Double) throws(OutOfMemory) -> Pace {
    // A step of a large network on a large batch takes longer than there is time.
    let step = Double(kind.network.trainingWork) / Self.guessedSpeed * Double(max(1, atOnce / Machine.cores))
    let batch = max(1, min(kind.batch, max(16, Int(Self.longestStep / step))))
    return Pace(
      training: try imageSeconds(kind.network, batch, atOnce, for: seconds * 0.7, evaluates: false),
      validation: try imageSeconds(kind.network, batch, atOnce, for: seconds * 0.3, evaluates: true))
  }

  /// Seconds for an image of one of so many models that work at once.
  private func imageSeconds(
    _ network: NetworkSpecification, _ batch: Int, _ atOnce: Int, for limit: Double, evaluates: Bool
  ) throws(OutOfMemory) -> Double {
    let pool = ComputePool(cores: Machine.cores)
    let models = try (0..<atOnce).map { _ throws(OutOfMemory) in
      try BenchedModel(network, batch: batch, pool: pool, evaluates: evaluates)
    }
    for model in models { model.step() }
    let steps = Atomic<Int>(0)
    let elapsed = BenchClock.time {
      let end = BenchClock.seconds + limit
      BenchThreads.run(atOnce) { run in
        pool.withRun {
          repeat {
            models[run].step()
            steps.add(1, ordering: .relaxed)
          } while BenchClock.seconds < end
        }
      }
    }
    return elapsed * Double(atOnce) / Double(batch * steps.load(ordering: .relaxed))
  }
}
