import Datasets
import Files
import Foundation
import TensorCore
import Testing

@testable import Experiments
@testable import Networks

/// The way a user takes: a config with `initial_weights`, and the files that the run leaves.
struct TrainerTests {
  /// The built-in digits are the ones that the fixtures were trained on, to the bit and in order.
  @Test func digits() throws {
    let fixture = try Fixture("digits")
    let train = try Dataset.load(DatasetSource(.digits), in: Self.noData).train
    let count = train.shape.count
    let storage = FloatStorage(count: train.count * count)
    let table = train.table(.unit)
    withExtendedLifetime(storage) {
      for index in 0..<train.count {
        storage.vector(index * count..<(index + 1) * count).withMutableValues {
          train.convert(index, with: table, into: $0)
        }
      }
    }
    #expect(storage.array == (try fixture.values("pixels")))
    #expect((0..<train.count).map { train.label($0) } == (try fixture.integers("labels")))
  }

  /// `steps.csv` has the fixture's losses, and `model.safetensors` the weights after the last step under the names and
  /// shapes of `initial_weights`.
  @Test(arguments: NetworkVariant.all)
  func run(variant: NetworkVariant) throws {
    let folder = try TemporaryFolder()
    let run = try Self.run(variant, in: folder.path)
    #expect(run.outcome == .completed)

    let fixture = try Fixture("train-\(variant.name)")
    let table = try CSV.records(in: String(contentsOfFile: run.folder.stepsFile, encoding: .utf8))
    let header = try #require(table.first)
    let rows = table.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(header, $0)) }
    #expect(rows.map { $0["step"] } == (1...50).map { "\($0)" })
    // Eleven whole batches and a short one make an epoch.
    #expect(rows.map { $0["epoch"] } == (0..<50).map { "\($0 / 12 + 1)" })
    #expect(rows.allSatisfy { $0["learning_rate"].flatMap(Double.init) == variant.learningRate })
    let losses = try rows.map { try #require($0["train_loss"].flatMap(Double.init)) }
    try LossTolerance(variant).expect(losses, fixture)

    let model = try SafetensorsFile(reading: run.folder.modelFile, in: POSIXFileSystem())
    let initial = try SafetensorsFile(reading: Fixture.path(variant.initialWeights), in: POSIXFileSystem())
    #expect(
      Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.name, $0.shape) })
        == Dictionary(uniqueKeysWithValues: initial.tensors.map { ($0.name, $0.shape) }))
    // The same steps without the program around them: the losses and the weights are the same bits.
    let step = try variant.step()
    #expect(losses == (try TrainingTests.losses(step, variant, steps: 50)))
    for (index, tensor) in step.model.network.layout.tensors.enumerated() {
      #expect(model[tensor.name]?.values == step.model.parameters[index].array, "\(tensor.name)")
    }
    withExtendedLifetime(step) {}
  }

  private static let noData = DataFolder("", includesSystem: false)

  private static func run(
    _ variant: NetworkVariant, in folder: String
  ) throws -> (outcome: RunOutcome, folder: RunFolder) {
    let experiment = try Experiment(bytes: Array(configuration(variant).utf8), path: "config.json")
    let plan = try #require(Plan(experiment).runs.first)
    let run = PlacedRun(
      plan, experiment: experiment.name, configHash: experiment.configHash, configFolder: Fixture.folder,
      folder: ExperimentFolder(folder).run(plan.id), threads: nil, timeLimitSeconds: nil)
    let environment = TrainingEnvironment(
      pool: ComputePool(cores: 2), datasets: DatasetLibrary(noData), files: POSIXFileSystem())
    let trainer = Trainer(run, in: environment, control: RunControl()) { _ in }
    return (trainer(), run.folder)
  }

  private static func configuration(_ variant: NetworkVariant) -> String {
    let model =
      switch variant.architecture {
      case .mlp: #""type": "mlp", "hidden": [32, 10], "bias": \#(variant.bias)"#
      case .vit: #""type": "vit", "width": 32, "layers": 2, "heads": 4, "mlp_width": 64, "patch": 2"#
      }
    let method = variant.precision == .full ? "" : #", "method": "\#(variant.method.rawValue)""#
    return """
      {
        "name": "parity",
        "dataset": {"name": "digits"},
        "model": {\(model)},
        "training": {
          "epochs": 5, "batch_size": 128, "learning_rate": \(variant.learningRate), "shuffle": false,
          "log_every_steps": 1, "max_steps": 50, "initial_weights": "\(variant.initialWeights).safetensors"
        },
        "variants": [{"name": "\(variant.name)", "bits": \(variant.precision.rawValue)\(method)}]
      }
      """
  }
}

/// A folder that goes when nobody needs it.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "bitlab-parity-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
