import Experiments
import Networks
import TensorCore
import Testing

/// Which runs an experiment has, in which order, under which ids, and with which values.
@Suite struct PlanTests {
  private func plan(_ text: ExperimentText) throws -> [RunPlan] {
    try Plan(text.experiment()).runs
  }

  @Test func gridThenVariantThenSeed() throws {
    let runs = try plan(
      ExperimentText(
        variants: #"[{"name": "a", "bits": 32}, {"name": "b", "bits": 2}]"#,
        rest: [
          #""seeds": [5, 0]"#, #""grid": {"training.learning_rate": [1e-3, 1e-4], "model.bias": [false]}"#,
        ]))
    #expect(
      runs.map(\.id) == [
        "a-training.learning_rate=0.001-model.bias=false-seed5",
        "a-training.learning_rate=0.001-model.bias=false-seed0",
        "b-training.learning_rate=0.001-model.bias=false-seed5",
        "b-training.learning_rate=0.001-model.bias=false-seed0",
        "a-training.learning_rate=0.0001-model.bias=false-seed5",
        "a-training.learning_rate=0.0001-model.bias=false-seed0",
        "b-training.learning_rate=0.0001-model.bias=false-seed5",
        "b-training.learning_rate=0.0001-model.bias=false-seed0",
      ])
    #expect(runs.map(\.seed) == [5, 0, 5, 0, 5, 0, 5, 0])
    #expect(runs.map(\.variant) == ["a", "a", "b", "b", "a", "a", "b", "b"])
    #expect(runs[2].precision == .ternary)
    #expect(runs.allSatisfy { $0.experiment == "sample" })
    #expect(
      runs[7].gridPoint == [
        GridSetting(key: "training.learning_rate", value: .number(0.0001)),
        GridSetting(key: "model.bias", value: .boolean(false)),
      ])
  }

  @Test func withoutAGridIdsAreShort() throws {
    #expect(try plan(ExperimentText()).map(\.id) == ["full-seed0"])
    #expect(try plan(ExperimentText(rest: [#""grid": {}"#])).map(\.id) == ["full-seed0"])
  }

  @Test func theGridBeatsTheVariantWhichBeatsTraining() throws {
    let text = ExperimentText(
      variants: #"[{"name": "a", "bits": 32}, {"name": "b", "bits": 1, "learning_rate": 0.5, "epochs": 7}]"#)
    #expect(try plan(text).map(\.training.learningRate) == [0.001, 0.5])
    var varied = text
    varied.rest = [#""grid": {"training.learning_rate": [0.25]}"#]
    #expect(try plan(varied).map(\.training.learningRate) == [0.25, 0.25])
    #expect(try plan(varied).map(\.training.epochs) == [2, 7])
  }

  @Test func everyAxisReachesItsRun() throws {
    let model = try plan(
      ExperimentText(rest: [#""grid": {"model.bias": [false], "model.initialization": ["normal"]}"#]))[0]
    #expect(model.architecture as? MLPSpecification == MLPSpecification(hidden: [16], bias: [false, false]))
    #expect(model.initialization == .normal)
    let dataset = try plan(
      ExperimentText(
        rest: [
          #""grid": {"dataset.name": ["digits"], "dataset.normalize": ["half"], "dataset.train_limit": [9]}"#
        ]))[0]
    #expect(dataset.dataset == DatasetConfiguration(name: .digits, normalize: .half, trainLimit: 9))
    let training = try plan(
      ExperimentText(
        rest: [
          #""grid": {"training.optimizer": ["sgd"], "training.momentum": [0.5], "training.schedule": ["linear"], "#
            + #""training.early_stopping.metric": ["val_loss"], "training.early_stopping.patience": [4]}"#
        ]))[0].training
    #expect(training.optimizer == OptimizerSpecification(kind: .sgd, momentum: 0.5))
    #expect(training.earlyStopping == EarlyStopping(metric: .validationLoss, patience: 4))
    #expect(training.schedule == .linear)
    let vit = try plan(
      ExperimentText(
        model: #"{"type": "vit", "width": 8, "layers": 1, "heads": 2, "mlp_width": 8, "patch": 4}"#,
        rest: [#""grid": {"model.width": [16], "model.layers": [3], "model.heads": [4], "model.patch": [7]}"#]
      ))[0]
    #expect(
      vit.architecture as? ViTSpecification
        == ViTSpecification(width: 16, layers: 3, heads: 4, mlpWidth: 8, patch: 7))
  }

  @Test func everyKeyOfTheTableThatMayVaryIsTaken() throws {
    // One sound value for each axis, by type; each is planned alone or with what it needs.
    for key in ConfigurationSchema.gridAxes where key.condition?.choices != ["idx"] {
      var text = ExperimentText()
      if key.condition?.choices == ["vit"] {
        text.model = #"{"type": "vit", "width": 8, "layers": 1, "heads": 1, "mlp_width": 8, "patch": 4}"#
      }
      if key.condition?.choices == ["sgd"] {
        text.training = text.training.replacing("}", with: #", "optimizer": "sgd"}"#)
      }
      if key.section == "training.early_stopping" {
        text.training = text.training.replacing(
          "}", with: #", "early_stopping": {"metric": "val_loss", "patience": 2}}"#)
      }
      let value =
        switch key.type {
        case .boolean, .oneOrList: "true"
        case .integer: "4"
        case .number: "0.5"
        case .choice(let choices): choices[1].inQuotes
        default: "\"file\""
        }
      text.rest = ["\"grid\": {\"\(key.path)\": [\(value)]}"]
      #expect(try plan(text).count == 1, "\(key.path)")
    }
  }

  @Test func idsAreSafeFileNames() throws {
    let runs = try plan(
      ExperimentText(
        rest: [
          #""grid": {"training.initial_weights": ["../a b/é%\t.safetensors"], "training.learning_rate": [1, 2.50, 1e-7, 1e22], "#
            + #""training.epochs": [1e2]}"#
        ]))
    let start = "full-training.initial_weights=..%2Fa%20b%2F%C3%A9%25%09.safetensors-training.learning_rate="
    #expect(
      runs.map(\.id) == ["1", "2.5", "1e-07", "1e+22"].map { "\(start)\($0)-training.epochs=100-seed0" })
  }

  @Test func longIdsAreRefused() {
    let path = String(repeating: "x", count: 160)
    func errors(_ path: String) -> String {
      ExperimentText(rest: ["\"grid\": {\"training.initial_weights\": [\"\(path)\"]}"]).errors
    }
    // full- + training.initial_weights= + the path + -seed0
    #expect(errors(path + String(repeating: "x", count: 4)) == "")
    #expect(
      errors(path + String(repeating: "x", count: 5))
        == "e.json:7:9: error: grid: the run id \"full-training.initial_weights=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" "
        + "has 201 bytes, expected at most 200")
  }

  @Test func noTwoRunsShareAnId() {
    let text = ExperimentText(
      training: #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.001}"#,
      rest: [
        #""grid": {"training.initial_weights": ["a", "a-training.epochs=1"], "training.epochs": [1]}"#
      ])
    #expect(text.errors == "")
    let idx =
      #"{"name": "idx", "train_images": "a", "train_labels": "b", "validation_images": "c", "validation_labels": "d"}"#
    let clash = ExperimentText(
      dataset: idx,
      rest: [
        #""grid": {"dataset.train_images": ["a", "a-dataset.train_labels=b"], "#
          + #""dataset.train_labels": ["c", "b-dataset.train_labels=c"]}"#
      ])
    #expect(
      clash.errors
        == "e.json:7:9: error: grid: two runs have the id "
        + "\"full-dataset.train_images=a-dataset.train_labels=b-dataset.t...\"")
  }

  @Test func theNetworkOfARun() throws {
    let run = try plan(
      ExperimentText(variants: #"[{"name": "b", "bits": 1, "method": "bitnet", "bias": [false, true]}]"#))[0]
    let image = ImageShape(channels: 1, height: 28, width: 28)
    #expect(
      run.networkSpecification(image: image, classes: 10)
        == NetworkSpecification(
          architecture: MLPSpecification(hidden: [16], bias: [false, true]), image: image, classes: 10,
          precision: .binary, method: .bitNet, initialization: .standard))
    #expect(run.problem(image: image) == nil)
    let vit = try plan(
      ExperimentText(
        model: #"{"type": "vit", "width": 8, "layers": 1, "heads": 2, "mlp_width": 8, "patch": 7}"#))[0]
    #expect(vit.problem(image: image) == nil)
    #expect(
      vit.problem(image: ImageShape(channels: 1, height: 30, width: 28))
        == "image side 30 is not divisible by patch 7")
  }
}
