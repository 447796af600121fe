import Networks
import TensorCore
import Testing

/// What networks tell of themselves before they have any value.
struct WorkTests {
  @Test(arguments: Experiment.all)
  func workIsWhatTheFormulasSay(experiment: Experiment) {
    let specification = experiment.specification(Variant(precision: .full))
    let (network, reference) = (specification.network(shardImages: 3), ReferenceWork(specification))
    #expect(network.trainingWork == reference.training && network.evaluationWork == reference.evaluation)
  }

  @Test func aTokenIsARow() {
    let rows = Experiment.all.map {
      $0.specification(Variant(precision: .full)).network(shardImages: 1).rowsPerImage
    }
    #expect(rows == [1, 50, 65])
  }

  /// Whoever refuses a size that no machine holds can say what it is.
  @Test func networksThatNoMachineHoldsAreLaidOut() {
    let count = 1_000_000_000
    let image = ImageShape(channels: 3, height: 32, width: 32)
    for architecture in [
      MLPSpecification(hidden: Array(repeating: count, count: 40), bias: Array(repeating: true, count: 41)),
      ViTSpecification(width: count, layers: 10_000, heads: count, mlpWidth: count, patch: 1),
      ViTSpecification(width: count, layers: 1, heads: 1, mlpWidth: count, patch: count),
    ] as [any Architecture] {
      let specification = NetworkSpecification(architecture: architecture, image: image, classes: count)
      let memory = TrainingMemory(specification, batchSize: count, threads: 4096)
      #expect(memory.size > 1e18 && memory.bytes > 0 && memory.parameters > count, "\(memory)")
    }
  }

  @Test func architecturesAreKnownApart() {
    let (mlp, vit) = (Experiment.mnist.architecture, Experiment.fashion.architecture)
    func specification(_ architecture: any Architecture) -> NetworkSpecification {
      NetworkSpecification(
        architecture: architecture, image: ImageShape(channels: 1, height: 28, width: 28), classes: 10)
    }
    #expect(specification(mlp) == specification(mlp) && specification(mlp) != specification(vit))
    #expect(specification(mlp) != specification(Experiment.mnist.quantizedArchitecture))
    #expect(Set([specification(mlp), specification(vit), specification(vit)]).count == 2)
  }
}
