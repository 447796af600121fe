import Files
import Testing

@testable import Experiments

/// Runs that begin from a file of weights.
struct InitialWeightsTests {
  private static let weights = #", "initial_weights": "first/model.safetensors""#

  /// A folder with a trained model, and a run that begins from what `change` makes of it.
  private static func run(
    _ folder: TrainingFolder, _ change: (inout SafetensorsFile) -> Void = { _ in }
  ) throws -> PlacedRun {
    let first = try folder.place(.digits(epochs: 1), as: "first")
    #expect(first.train() == .completed)
    var model = try first.model
    change(&model)
    try model.write(to: first.folder.modelFile, in: POSIXFileSystem())
    return try folder.place(.digits(epochs: 1, rate: "1e-30", weights))
  }

  private static func problem(_ change: (inout SafetensorsFile) -> Void) throws -> String {
    let folder = try TrainingFolder()
    let failure = try #require(try run(folder, change).train().failure)
    #expect(failure.kind == .content)
    #expect(failure.description.hasPrefix(folder.file("first/model.safetensors") + ": "))
    return failure.description
  }

  @Test func weightsOfTheSameNetworkAreTaken() throws {
    let folder = try TrainingFolder()
    let run = try Self.run(folder)
    #expect(run.train() == .completed)
    // At such a rate nothing moves: what was loaded is what is left.
    let first = try folder.place(.digits(epochs: 1), as: "first")
    #expect(try run.model == first.model)
    #expect(try run.curve[0].validationLoss == first.curve[0].validationLoss)
  }

  @Test func aMissingTensorIsNamed() throws {
    let problem = try Self.problem { $0.tensors.removeAll { $0.name == "layers.1.bias" } }
    #expect(problem.contains(": layers.1.bias is missing: "))
  }

  @Test func aTensorOfAnotherShapeIsNamed() throws {
    let problem = try Self.problem {
      $0.tensors[0] = .init(name: $0.tensors[0].name, shape: [2, 4], values: [1, 2, 3, 4, 5, 6, 7, 8])
    }
    #expect(problem.contains("layers.0.bias has shape [2, 4], expected [8]"))
  }

  @Test func aTensorTooManyIsNamed() throws {
    let problem = try Self.problem {
      $0.tensors.append(.init(name: "layers.7.weight", shape: [1], values: [1]))
    }
    #expect(problem.contains("layers.7.weight is not a tensor of this model"))
  }

  @Test func allThatDiffersIsNamed() throws {
    let problem = try Self.problem { model in
      for index in model.tensors.indices { model.tensors[index].name += "x" }
    }
    for name in ["layers.0.bias", "layers.0.weight", "layers.1.bias", "layers.1.weight"] {
      #expect(problem.contains("\(name) is missing") && problem.contains("\(name)x is not a tensor"))
    }
  }

  @Test func aFileThatIsNoneIsNamed() throws {
    let folder = try TrainingFolder()
    try folder.put("no tensors here", as: "weights.safetensors")
    let run = try folder.place(.digits(#", "initial_weights": "weights.safetensors""#))
    let failure = try #require(run.train().failure)
    #expect(failure.kind == .content)
    #expect(failure.description.hasPrefix(folder.file("weights.safetensors") + ": "))
  }
}
