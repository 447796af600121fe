import Networks
import Testing

@Suite struct LearningRateScheduleTests {
  private func rates(_ kind: LearningRateSchedule.Kind, warmup: Int, total: Int) -> [Double] {
    let schedule = LearningRateSchedule(kind: kind, base: 0.5, warmupSteps: warmup, totalSteps: total)
    return (0..<total).map { schedule.rate(afterSteps: $0) }
  }

  private func expect(_ actual: [Double], _ expected: [Double]) {
    #expect(actual.count == expected.count)
    for (a, b) in zip(actual, expected) { #expect(abs(a - b) < 1e-15) }
  }

  @Test func constant() {
    #expect(rates(.constant, warmup: 0, total: 3) == [0.5, 0.5, 0.5])
    expect(rates(.constant, warmup: 4, total: 6), [0.125, 0.25, 0.375, 0.5, 0.5, 0.5])
  }

  @Test func linearEndsAtZero() {
    expect(rates(.linear, warmup: 0, total: 5), [0.5, 0.375, 0.25, 0.125, 0])
    expect(rates(.linear, warmup: 2, total: 7), [0.25, 0.5, 0.5, 0.375, 0.25, 0.125, 0])
  }

  @Test func cosineEndsAtZero() {
    let root = 0.5.squareRoot()
    let fall = [0.5, 0.25 * (1 + root), 0.25, 0.25 * (1 - root), 0]
    expect(rates(.cosine, warmup: 0, total: 5), fall)
    expect(rates(.cosine, warmup: 2, total: 7), [0.25, 0.5] + fall)
  }

  /// Runs so short that nothing is left to fall, and steps past the end.
  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func edges(kind: LearningRateSchedule.Kind) {
    #expect(rates(kind, warmup: 0, total: 1) == [0.5])
    expect(rates(kind, warmup: 3, total: 2), [0.5 / 3, 1.0 / 3])
    expect(rates(kind, warmup: 2, total: 3), [0.25, 0.5, 0.5])
    let schedule = LearningRateSchedule(kind: kind, base: 0.5, warmupSteps: 0, totalSteps: 4)
    #expect(abs(schedule.rate(afterSteps: 100) - (kind == .constant ? 0.5 : 0)) < 1e-15)
  }
}
