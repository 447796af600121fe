import Networks
import TensorCore
import Testing

/// A model that the system has no memory for is an error of who wants it.
@Suite struct OutOfMemoryTests {
  @Test func aModelThatCannotBe() {
    let specification = NetworkSpecification(
      architecture: MLPSpecification(hidden: [1 << 23, 1 << 23], bias: [true, true, true]),
      image: ImageShape(channels: 1, height: 1, width: 1), classes: 2)
    let team = Team(pool: ComputePool(cores: 1))
    #expect(throws: OutOfMemory.self) { _ = try Model(specification, batchSize: 1, team: team) }
  }
}
