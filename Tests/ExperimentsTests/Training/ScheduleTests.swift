import Testing

@testable import Experiments

/// The learning rate that the rows report.
struct ScheduleTests {
  private static func rates(_ training: String) throws -> (steps: [Double], epochs: [Double]) {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(epochs: 2, rate: "0.5", training + #", "log_every_steps": 1"#))
    #expect(run.train() == .completed)
    return (try run.stepsText.rows.map { Double($0[7])! }, try run.curve.map(\.learningRate))
  }

  @Test func constantAfterAWarmUp() throws {
    let rates = try Self.rates(#", "warmup_steps": 4"#)
    #expect(rates.steps == [0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.5])
    #expect(rates.epochs == [0.5, 0.5])
  }

  @Test func linearToZeroAtTheLastStep() throws {
    let rates = try Self.rates(#", "schedule": "linear""#)
    let line: [Double] = (0..<8).map { 0.5 * (1 - Double($0) / 7) }
    #expect(rates.steps == line)
    #expect(rates.epochs == [rates.steps[3], 0])
  }

  @Test func cosineAfterAWarmUpUntilMaxSteps() throws {
    let rates = try Self.rates(#", "schedule": "cosine", "warmup_steps": 2, "max_steps": 7"#)
    #expect(rates.steps.count == 7 && rates.steps[0] == 0.25)
    let expected = [0.5, 0.5, 0.5 * 0.853_553_390_593_273_8, 0.25, 0.5 * 0.146_446_609_406_726_2, 0]
    for (rate, value) in zip(rates.steps.dropFirst(), expected) { #expect((rate - value).magnitude < 1e-15) }
    #expect(rates.epochs == [rates.steps[3], rates.steps[6]])
  }
}
