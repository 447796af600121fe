import Experiments
import Files
import Networks
import Testing

/// What a good file becomes: defaults, overrides, and when two are the same.
@Suite struct ExperimentTests {
  @Test func defaultsAreFilledIn() throws {
    let experiment = try ExperimentText().experiment()
    #expect(experiment.name == "sample")
    #expect(experiment.dataset == DatasetConfiguration(name: .mnist))
    #expect(experiment.dataset.normalize == .unit)
    #expect(
      experiment.model
        == ModelConfiguration(architecture: MLPSpecification(hidden: [16], bias: [true, true])))
    #expect(experiment.model.initialization == .standard)
    #expect(experiment.training == TrainingConfiguration(epochs: 2, batchSize: 8, learningRate: 0.001))
    #expect(experiment.training.optimizer == OptimizerSpecification(kind: .adam))
    #expect(experiment.training.shuffle)
    #expect(experiment.training.logEverySteps == 50)
    #expect(experiment.seeds == [0])
    #expect(experiment.grid.isEmpty)
    #expect(experiment.priority == 0)
    #expect(experiment.timeLimitSeconds == nil)
    #expect(experiment.maxRetries == 0)
    #expect(experiment.threads == nil)
    #expect(experiment.variants.map(\.method) == [.simpleBitNet])
  }

  @Test func everyKeyIsRead() throws {
    let experiment = try ExperimentText(
      dataset: """
        {"name": "idx", "normalize": "half", "train_limit": 100, "validation_limit": 10, "train_images": "ti",
         "train_labels": "tl", "validation_images": "../vi", "validation_labels": "/vl"}
        """,
      model: """
        {"type": "vit", "width": 12, "layers": 2, "heads": 3, "mlp_width": 24, "patch": 5, "initialization": "normal"}
        """,
      training: """
        {"epochs": 3, "batch_size": 16, "max_steps": 7, "optimizer": "adamw", "learning_rate": 1, "beta1": 0.5,
         "beta2": 0.75, "epsilon": 1e-3, "weight_decay": 0.25, "schedule": "cosine", "warmup_steps": 4,
         "gradient_clip": 2.5, "shuffle": false, "log_every_steps": 0,
         "early_stopping": {"metric": "val_accuracy", "patience": 6}, "checkpoint_every_steps": 8,
         "initial_weights": "w.safetensors"}
        """,
      variants: #"[{"name": "v", "bits": 2, "method": "bitnet"}]"#,
      rest: [
        #""seeds": [7, 3]"#, #""priority": -5"#, #""time_limit_seconds": 0.5"#, #""max_retries": 2"#,
        #""threads": 3"#,
        #""$schema": [{"anything": 1}]"#,
      ]
    ).experiment()
    #expect(
      experiment.dataset
        == DatasetConfiguration(
          name: .idx, normalize: .half, trainLimit: 100, validationLimit: 10,
          idx: .init(trainImages: "ti", trainLabels: "tl", validationImages: "../vi", validationLabels: "/vl")
        ))
    let vit = ViTSpecification(width: 12, layers: 2, heads: 3, mlpWidth: 24, patch: 5)
    #expect(experiment.model == ModelConfiguration(architecture: vit, initialization: .normal))
    #expect(
      experiment.training
        == TrainingConfiguration(
          epochs: 3, batchSize: 16, maxSteps: 7,
          optimizer: OptimizerSpecification(
            kind: .adamw, beta1: 0.5, beta2: 0.75, epsilon: 1e-3, weightDecay: 0.25),
          learningRate: 1, schedule: .cosine, warmupSteps: 4, gradientClip: 2.5, shuffle: false,
          logEverySteps: 0,
          earlyStopping: EarlyStopping(metric: .validationAccuracy, patience: 6), checkpointEverySteps: 8,
          initialWeights: "w.safetensors"))
    #expect(experiment.variants.map(\.precision) == [.ternary])
    #expect(experiment.variants.map(\.method) == [.bitNet])
    #expect(experiment.seeds == [7, 3])
    #expect(experiment.priority == -5)
    #expect(experiment.timeLimitSeconds == 0.5)
    #expect(experiment.maxRetries == 2)
    #expect(experiment.threads == 3)
  }

  @Test func aVariantOverridesTrainingAndModel() throws {
    let experiment = try ExperimentText(
      training: """
        {"epochs": 2, "batch_size": 8, "learning_rate": 0.1, "optimizer": "sgd", "momentum": 0.9,
         "early_stopping": {"metric": "val_loss", "patience": 1}}
        """,
      variants: """
        [{"name": "a", "bits": 32},
         {"name": "b", "bits": 1, "learning_rate": 0.2, "momentum": 0.5, "bias": [false, true],
          "initialization": "uniform", "early_stopping": {"metric": "val_accuracy", "patience": 2}, "epochs": 9}]
        """
    ).experiment()
    let (a, b) = (experiment.variants[0], experiment.variants[1])
    #expect(a.training == experiment.training)
    #expect(a.model == experiment.model)
    #expect(b.training.learningRate == 0.2)
    #expect(b.training.optimizer == OptimizerSpecification(kind: .sgd, momentum: 0.5))
    #expect(b.training.earlyStopping == EarlyStopping(metric: .validationAccuracy, patience: 2))
    #expect(b.training.epochs == 9)
    #expect(b.training.batchSize == 8)
    #expect(
      b.model
        == ModelConfiguration(
          architecture: MLPSpecification(hidden: [16], bias: [false, true]), initialization: .uniform))
  }

  @Test func weightDecayFollowsTheOptimizer() throws {
    let experiment = try ExperimentText(
      variants: """
        [{"name": "a", "bits": 32}, {"name": "b", "bits": 2, "optimizer": "adamw"},
         {"name": "c", "bits": 1, "optimizer": "adamw", "weight_decay": 0}]
        """
    ).experiment()
    #expect(experiment.variants.map(\.training.optimizer.weightDecay) == [0, 0.01, 0])
  }

  private static let spelledOut = """
    {"variants": [{"bits": 3.2e1, "name": "f\\u0075ll", "method": "simple-bitnet", "learning_rate": 0.1e-2}],
     "priority": -0, "max_retries": 0, "seeds": [0.0],
     "training": {"learning_rate": 1e-3, "weight_decay": -0.0, "batch_size": 8.0, "epochs": 2, "optimizer": "adam",
       "beta1": 0.90, "beta2": 0.999, "epsilon": 0.00000001, "schedule": "constant", "warmup_steps": 0,
       "shuffle": true, "log_every_steps": 50},
     "model": {"bias": [true, true], "hidden": [16], "type": "mlp", "initialization": "default"},
     "dataset": {"normalize": "unit", "name": "mnist"}, "name": "sample", "grid": {}, "$schema": "x"}
    """

  @Test func sameAfterParsingAndDefaults() throws {
    let short = try ExperimentText().experiment()
    let long = try Experiment(text: Self.spelledOut)
    #expect(short == long)
    #expect(short.canonicalText == long.canonicalText)
    #expect(short.configHash == long.configHash)
  }

  @Test(arguments: [
    (#""batch_size": 8.0"#, #""batch_size": 9"#), (#""seeds": [0.0]"#, #""seeds": [1]"#),
    (#""priority": -0"#, #""priority": 1"#), (#""max_retries": 0"#, #""max_retries": 0, "threads": 1"#),
    ("0.1e-2", "0.2e-2"), ("3.2e1", "2"), (#""grid": {}"#, #""grid": {"training.epochs": [2]}"#),
    (#""bias": [true, true]"#, #""bias": [true, false]"#), (#""name": "sample""#, #""name": "sampler""#),
    ("simple-bitnet", "bitnet"), (#""name": "mnist""#, #""name": "mnist", "train_limit": 1"#),
  ])
  func anyOtherValueMakesAnotherExperiment(from: String, to: String) throws {
    #expect(Self.spelledOut.contains(from))
    let original = try Experiment(text: Self.spelledOut)
    let changed = try Experiment(text: Self.spelledOut.replacing(from, with: to))
    #expect(original != changed)
    #expect(original.canonicalText != changed.canonicalText)
    #expect(original.configHash != changed.configHash)
  }

  @Test func aVaryingOptimizerKeepsAWrittenWeightDecayApart() throws {
    let grid = [#""grid": {"training.optimizer": ["adam", "adamw"]}"#]
    let training = #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.001, "weight_decay": 0}"#
    let open = try ExperimentText(rest: grid).experiment()
    let fixed = try ExperimentText(training: training, rest: grid).experiment()
    // Without the grid zero is adam's default; with it the two files plan different runs.
    #expect(try ExperimentText().experiment() == ExperimentText(training: training).experiment())
    #expect(open != fixed)
    #expect(Plan(open).runs.map(\.training.optimizer.weightDecay) == [0, 0.01])
    #expect(Plan(fixed).runs.map(\.training.optimizer.weightDecay) == [0, 0])
  }

  @Test func canonicalTextAndHashAreStable() throws {
    let experiment = try ExperimentText(rest: [
      #""grid": {"training.learning_rate": [1.0, 1e-5], "dataset.train_limit": [5]}"#
    ])
    .experiment()
    let settings =
      #"{"dataset.name":"mnist","dataset.normalize":"unit","model.bias":[true,true],"model.hidden":[16],"#
      + #""model.initialization":"default","model.type":"mlp","training.batch_size":8,"training.beta1":0.9,"#
      + #""training.beta2":0.999,"training.epochs":2,"training.epsilon":1e-08,"training.learning_rate":0.001,"#
      + #""training.log_every_steps":50,"training.optimizer":"adam","training.schedule":"constant","#
      + #""training.shuffle":true,"training.warmup_steps":0,"training.weight_decay":0}"#
    #expect(
      experiment.canonicalText
        == #"{"experiment":{"max_retries":0,"name":"sample","priority":0,"seeds":[0]},"#
        + #""grid":[["training.learning_rate",[1,1e-05]],["dataset.train_limit",[5]]],"settings":"# + settings
        + #","variants":[{"bits":32,"method":"simple-bitnet","name":"full","settings":"# + settings + "}]}")
    #expect(ConfigurationText(parsing: Array(experiment.canonicalText.utf8)).diagnostics.isEmpty)
    #expect(experiment.configHash == "8d080e719f58f391")
  }

  @Test(arguments: [
    ("a.idx", "configs", "configs/a.idx"), ("../a.idx", "/c/d/", "/c/d/../a.idx"),
    ("/a.idx", "configs", "/a.idx"),
    ("a.idx", ".", "./a.idx"),
  ])
  func pathsAreRelativeToTheConfig(path: String, folder: String, resolved: String) {
    #expect(FilePath.resolve(path, in: folder) == resolved)
  }
}
