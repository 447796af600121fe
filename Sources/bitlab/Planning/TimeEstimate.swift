import Experiments
import Foundation
import Networks
import Synchronization
import TensorCore

/// How long runs take on this machine, by steps on random data that are measured in a few seconds.
struct TimeEstimate {
  /// Runs at once.
  let slots: Int
  /// Among so many configs the time for measuring is shared.
  var configs = 1

  /// What takes equally long.
  private struct Kind: Hashable {
    var network: NetworkSpecification
    var batch: Int
    /// Operations of one image's training step.
    var work: Double
  }

  /// Seconds for an image, of one run beside the others.
  private struct Pace {
    var training: Double
    var validation: Double
    /// How much of the cores that others leave a run makes use of: with so many times the cores it is as many times faster to
    /// the power of this, from 0 to 1.
    var gain: Double
  }

  /// A run, for the time that all take together.
  struct Duration: Sendable {
    /// Beside as many others as there may be.
    var seconds: Double
    var gain: Double
  }

  /// Seconds for all measurements.
  private static let budget = 3.2
  /// Kinds that are measured; others take as long as the work in them says.
  private static let mostMeasured = 6
  /// Operations a second that a step's length is guessed by before it is measured.
  private static let guessedSpeed = 4e10
  /// Seconds that a measured step is to take at most, by that guess.
  private static let longestStep = 0.08
  /// By so much smaller a batch is measured as well where the whole one would take too long.
  private static let smaller = 4

  /// Seconds until the runs have ended, begun in their order; nil where too little is known of one.
  func seconds(_ runs: [PlanFacts.Run]) throws(OutOfMemory) -> Double? {
    let kinds = runs.map(kind)
    let atOnce = min(slots, runs.count)
    // More than an integer holds, for a plan of years.
    var work: [Kind: Double] = [:]
    for case (let kind?, let run) in zip(kinds, runs) {
      work[kind, default: 0] +=
        Double(run.steps ?? 0) * Double(kind.batch) * kind.work
    }
    let measured = work.sorted { $0.value > $1.value }.prefix(Self.mostMeasured).map(\.key)
    var paces: [Kind: Pace] = [:]
    for kind in measured {
      paces[kind] = try pace(kind, atOnce: atOnce, seconds: Self.budget / Double(measured.count * configs))
    }
    var durations: [Duration] = []
    for (kind, run) in zip(kinds, runs) {
      guard let kind, let steps = run.steps, let train = run.trainImages,
        let validation = run.validationImages,
        let pace = paces[kind] ?? likely(kind, paces)
      else { return nil }
      let images = Double(steps) * Double(train) / Double((train + kind.batch - 1) / kind.batch)
      let epochs = (images / Double(train)).rounded(.up)
      let seconds = images * pace.training + epochs * Double(validation) * pace.validation
      durations.append(Duration(seconds: seconds, gain: pace.gain))
    }
    return Self.end(durations, atOnce: atOnce)
  }

  private func kind(_ run: PlanFacts.Run) -> Kind? {
    guard let network = run.network, let work = run.trainingWork, let train = run.trainImages else {
      return nil
    }
    return Kind(network: network, batch: min(run.plan.training.batchSize, train), work: work)
  }

  /// By the work of one that was measured, of the same weights where there is one.
  private func likely(_ kind: Kind, _ paces: [Kind: Pace]) -> Pace? {
    let known =
      paces.first { $0.key.network.precision == kind.network.precision && $0.key.batch == kind.batch }
      ?? paces.first
    guard let (other, pace) = known else { return nil }
    let ratio = kind.work / other.work
    return Pace(training: pace.training * ratio, validation: pace.validation * ratio, gain: pace.gain)
  }

  /// When the last of them ends, each begun as soon as one before it has. Those at the end have more cores.
  static func end(_ runs: [Duration], atOnce: Int) -> Double {
    // Nothing would ever be left of them.
    guard runs.allSatisfy({ $0.seconds.isFinite && $0.gain.isFinite }) else { return .infinity }
    var waiting = runs[...]
    var working: [Duration] = []
    var time = 0.0
    while true {
      while working.count < max(1, atOnce), let next = waiting.popFirst() { working.append(next) }
      if working.isEmpty { return time }
      let cores = Double(max(1, atOnce)) / Double(working.count)
      let speeds = working.map { pow(cores, $0.gain) }
      let step = zip(working, speeds).map { $0.seconds / $1 }.min() ?? 0
      time += step
      for place in working.indices { working[place].seconds -= step * speeds[place] }
      // What the subtraction leaves of the one that has ended is noise.
      working.removeAll { $0.seconds <= step * 1e-9 }
    }
  }

  private func pace(_ kind: Kind, atOnce: Int, seconds: Double) throws(OutOfMemory) -> Pace {
    let isAlone = atOnce < 2
    let training = try imageSeconds(kind, atOnce, for: seconds * (isAlone ? 0.7 : 0.5), evaluates: false)
    let validation = try imageSeconds(kind, atOnce, for: seconds * 0.3, evaluates: true)
    if isAlone { return Pace(training: training, validation: validation, gain: 0) }
    let alone = try imageSeconds(kind, 1, for: seconds * 0.2, evaluates: false)
    let gain = log(training / alone) / log(Double(atOnce))
    return Pace(training: training, validation: validation, gain: gain.isFinite ? max(0, min(1, gain)) : 0)
  }

  /// Seconds for an image of one of so many models that work at once.
  private func imageSeconds(
    _ kind: Kind, _ atOnce: Int, for limit: Double, evaluates: Bool
  ) throws(OutOfMemory) -> Double {
    let step =
      kind.work / Self.guessedSpeed * Double(max(1, atOnce / Machine.cores))
    // A step of a large network on a large batch takes longer than there is time.
    let batch = max(1, min(kind.batch, max(16, Int(Self.longestStep / step))))
    // What a step takes whatever its batch, by the optimizer, is told by a smaller batch beside it.
    let batches = batch == kind.batch || evaluates ? [batch] : [batch, max(1, batch / Self.smaller)]
    let times = try stepSeconds(kind.network, batches, atOnce, for: limit, evaluates: evaluates)
    guard batches.count == 2, batches[1] < batches[0] else { return times[0] / Double(batches[0]) }
    let (large, small) = (Double(batches[0]), Double(batches[1]))
    let fixed = max(0, min(times[1], (times[1] * large - times[0] * small) / (large - small)))
    return (times[0] - fixed) / large + fixed / Double(kind.batch)
  }

  /// Seconds for a step of each of some batches, in turn. The limit counts the making of the models too.
  private func stepSeconds(
    _ network: NetworkSpecification, _ batches: [Int], _ atOnce: Int, for limit: Double, evaluates: Bool
  ) throws(OutOfMemory) -> [Double] {
    let end = BenchClock.seconds + limit
    let pool = ComputePool(cores: Machine.cores)
    let models = try (0..<atOnce).map { _ throws(OutOfMemory) in
      try batches.map { batch throws(OutOfMemory) in
        try BenchedModel(network, batch: batch, pool: pool, evaluates: evaluates)
      }
    }
    for model in models.joined() { model.step() }
    let sums = Mutex((seconds: [Double](repeating: 0, count: batches.count), steps: 0))
    BenchThreads.run(atOnce) { run in
      pool.withRun {
        repeat {
          let seconds = models[run].map { model in BenchClock.time { model.step() } }
          sums.withLock { sums in
            for place in seconds.indices { sums.seconds[place] += seconds[place] }
            sums.steps += 1
          }
        } while BenchClock.seconds < end
      }
    }
    return sums.withLock { sums in sums.seconds.map { $0 / Double(sums.steps) } }
  }
}
