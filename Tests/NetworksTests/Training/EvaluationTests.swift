import Networks
import TensorCore
import Testing

@Suite struct EvaluationTests {
  private func model(limit: Int) throws -> Model {
    let specification = NetworkCase.vit.specification(Variant(precision: .binary))
    let model = try Model(
      specification, batchSize: 13, team: Team(pool: ComputePool(cores: 4), limit: limit))
    model.parameters.initialize(seed: 1)
    model.parametersChanged()
    return model
  }

  @Test(arguments: [0, 1, 6, 7, 8, 100])
  func scoresEqualThoseOfTheLogits(count: Int) throws {
    let model = try model(limit: 2)
    let samples = TestSamples(count: count, of: model.specification, seed: 4)
    let score = try #require(model.evaluate(samples))
    let logits = model.logits(samples)
    let expected = logits.matrix(rows: count, columns: model.specification.classes)
      .crossEntropy(gradientScale: 0) { samples.labels[$0] }
    #expect(score.correct == expected.correct)
    #expect(abs(score.loss - expected.loss) <= 1e-12 * expected.loss)
  }

  @Test func threadsDoNotChangeTheScore() throws {
    let scores = try [1, 2, 3, 4].map { limit in
      let model = try model(limit: limit)
      return model.evaluate(TestSamples(count: 500, of: model.specification, seed: 4))
    }
    #expect(scores.allSatisfy { $0 == scores[0] })
  }

  @Test func evaluationCanBeStopped() throws {
    let model = try model(limit: 2)
    let samples = TestSamples(count: 500, of: model.specification, seed: 4)
    #expect(model.evaluate(samples) { true } == nil)
    var questions = 0
    let score = model.evaluate(samples) {
      questions += 1
      return questions > 2
    }
    #expect(score == nil && questions == 3)
  }
}
