import AllocationCounter
import Networks
import TensorCore
import Testing

/// All memory is planned at the start: a training step allocates nothing.
///
/// Counted on the run's own thread: with one thread that is all of the step, with two also what sharing it out takes.
@Suite struct AllocationTests {
  @Test(arguments: Experiment.all, [1, 2])
  func aStepAllocatesNothing(experiment: Experiment, threads: Int) throws {
    for variant in Variant.all {
      let specification = experiment.specification(variant)
      let pool = ComputePool(cores: threads)
      let model = try Model(specification, batchSize: 8, team: Team(pool: pool))
      let step = try TrainingStep(
        model, optimizer: OptimizerSpecification(), gradientClip: variant.precision == .ternary ? 1 : nil)
      model.parameters.initialize(seed: 0)
      model.parametersChanged()
      let batch = BlankSamples(count: 8, classes: specification.classes)
      let count = pool.withRun { () -> Int in
        // What the runtime makes once, it makes here.
        for _ in 0..<2 { _ = step(batch, rate: 1e-3) }
        allocation_counter_begin()
        for _ in 0..<3 { _ = step(batch, rate: 1e-3) }
        return allocation_counter_end()
      }
      #expect(count <= 0, "\(variant): \(count) allocations in three steps")
    }
  }

  /// The counter sees what there is to be seen.
  @Test func allocationsAreCounted() {
    allocation_counter_begin()
    let storages = (1...3).map { FloatStorage(count: $0) }
    let count = allocation_counter_end()
    #expect(count == -1 || count >= 3)
    withExtendedLifetime(storages) {}
  }
}

/// Images without content, made without allocating.
private struct BlankSamples: Samples {
  let count: Int
  let classes: Int

  func load(_ position: Int, into target: Vector) { target.fill(Float(position)) }

  func label(_ position: Int) -> Int { position % classes }
}
