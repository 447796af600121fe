import Experiments
import Testing

/// Listings of errors, word for word as a user sees them.
@Suite struct ConfigurationErrorTests {
  private let vit = #"{"type": "vit", "width": 32, "layers": 2, "heads": 4, "mlp_width": 64, "patch": 7}"#

  @Test func everythingWrongWithAFileIsReportedAtOnce() {
    let text = """
      {
        "name": "reference",
        "dataset": {"name": "mnst", "normalise": "unit", "train_images": "x"},
        "model": {"type": "vit", "width": 30, "layers": 2, "heads": 4, "mlp_width": 64, "hidden": [3]},
        "training": {"epochs": -1, "batch_size": [128], "learning_rat": 0.001, "momentum": 0.9, "epochs": 3,
                     "shuffle": null},
        "variants": [
          {"name": "a", "bits": 4},
          {"name": "a", "bits": 2, "optimizer": "sgd", "beta1": 1}
        ],
        "seeds": [0, 1.5, 0, -1],
        "grid": {"learning_rate": [1], "model.heads": [2, 7], "training.epochs": [],
                 "model.hidden": [[1]], "seeds": [1]},
        "epochs": 3
      }
      """
    #expect(
      Experiment.errors(in: text) == """
        e.json:2:11: error: name: found "reference", expected another name: the results folder has its own use for this one
        e.json:3:23: error: dataset.name: found "mnst", expected "digits", "mnist", "fashion-mnist", "cifar10", "cifar100" or "idx"; did you mean "mnist"?
        e.json:3:31: error: dataset: unknown key "normalise"; did you mean "normalize"?
        e.json:4:12: error: model: the key "patch" is missing, model.type "vit" needs an integer
        e.json:4:93: error: model.hidden: "hidden" is for model.type "mlp", found "vit"
        e.json:5:26: error: training.epochs: found -1, expected at least 1
        e.json:5:44: error: training.batch_size: found an array, expected an integer
        e.json:5:51: error: training: unknown key "learning_rat"; did you mean "learning_rate"?
        e.json:5:86: error: training.momentum: "momentum" is for training.optimizer "sgd", found "adam"
        e.json:5:91: error: duplicate key "epochs"; the first one is at 5:16
        e.json:6:27: error: training.shuffle: found null, expected true or false; leave the key out for its default
        e.json:8:27: error: variants[0].bits: found 4, expected 32, 2 or 1
        e.json:9:14: error: variants[1].name: found "a" again, the first is variants[0].name; expected distinct names
        e.json:9:59: error: variants[1].beta1: found 1, expected a number below 1
        e.json:9:59: error: variants[1].beta1: "beta1" is for training.optimizer "adam" or "adamw", found "sgd"
        e.json:11:16: error: seeds[1]: found 1.5, expected an integer
        e.json:11:21: error: seeds[2]: found 0 again, the first is seeds[0]; expected distinct values
        e.json:11:24: error: seeds[3]: found -1, expected at least 0
        e.json:12:12: error: grid: unknown key "learning_rate"; did you mean "training.learning_rate"?
        e.json:12:53: error: grid.model.heads[1]: width 30 is not divisible by heads 7
        e.json:12:76: error: grid.training.epochs: found an empty array, expected at least one value
        e.json:13:12: error: grid: "model.hidden" cannot vary, it takes no single value
        e.json:13:35: error: grid: "seeds" cannot vary, it is the same for all runs
        e.json:14:3: error: the experiment: unknown key "epochs"; it belongs in training
        """)
  }

  @Test func anEmptyObjectLacksItsRequiredKeys() {
    #expect(
      Experiment.errors(in: "\n {}") == """
        e.json:2:2: error: the experiment: the key "name" is missing, expected 1 to 100 letters, digits, ".", "_" or "-", not beginning with a dot
        e.json:2:2: error: the experiment: the key "dataset" is missing, expected an object
        e.json:2:2: error: the experiment: the key "model" is missing, expected an object
        e.json:2:2: error: the experiment: the key "training" is missing, expected an object
        e.json:2:2: error: the experiment: the key "variants" is missing, expected an array of objects
        """)
    #expect(
      Experiment.errors(in: "[]") == "e.json:1:1: error: the experiment: found an array, expected an object")
  }

  @Test func emptySectionsLackTheirs() {
    let text = ExperimentText(dataset: "{}", model: "{}", training: "{}", variants: "[{}]")
    #expect(
      text.errors == """
        e.json:3:12: error: dataset: the key "name" is missing, expected "digits", "mnist", "fashion-mnist", "cifar10", "cifar100" or "idx"
        e.json:4:10: error: model: the key "type" is missing, expected "mlp" or "vit"
        e.json:5:13: error: training: the key "epochs" is missing, expected an integer
        e.json:5:13: error: training: the key "batch_size" is missing, expected an integer
        e.json:5:13: error: training: the key "learning_rate" is missing, expected a number
        e.json:6:14: error: variants[0]: the key "name" is missing, expected 1 to 100 letters, digits, ".", "_" or "-", not beginning with a dot
        e.json:6:14: error: variants[0]: the key "bits" is missing, expected 32, 2 or 1
        """)
    #expect(
      ExperimentText(variants: "[]").errors
        == "e.json:6:13: error: variants: found an empty array, expected at least one variant")
  }

  @Test func aKeyFarFromAllGetsTheListOfKeys() {
    #expect(
      ExperimentText(dataset: #"{"name": "digits", "augmentation": 1}"#).errors == """
        e.json:3:31: error: dataset: unknown key "augmentation", expected "name", "normalize", "train_limit", "validation_limit", "train_images", "train_labels", "validation_images" or "validation_labels"
        """)
  }

  @Test(
    arguments: [
      ("Learning-Rate", "learning_rate"), ("learningRate", "learning_rate"), ("epochss", "epochs"),
      ("pehocs", nil), ("eopchs", "epochs"), ("beta3", "beta1"), ("beat1", "beta1"),
      ("max_step", "max_steps"), ("mom", nil),
      ("gradient_clipping", "gradient_clip"),
    ] as [(String, String?)])
  func mistypedKeysGetTheNearestOne(typed: String, meant: String?) {
    let training = #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.1, "\#(typed)": 1}"#
    let errors = ExperimentText(training: training).errors
    if let meant {
      #expect(errors == "e.json:5:66: error: training: unknown key \"\(typed)\"; did you mean \"\(meant)\"?")
    } else {
      #expect(errors.contains("unknown key \"\(typed)\", expected \"epochs\", \"batch_size\","))
    }
  }

  @Test(arguments: [".hidden", "a b", "", "é", "a/b", "index.html", String(repeating: "a", count: 101)])
  func badNamesAreRefused(name: String) {
    #expect(ExperimentText(name: "\"\(name)\"").errors.hasPrefix("e.json:2:9: error: name: found \""))
  }

  @Test func goodNamesAreTaken() {
    for name in ["a", "-", "A.b_c-9", "reference2", String(repeating: "a", count: 100)] {
      #expect(ExperimentText(name: "\"\(name)\"").errors == "")
    }
    // The results folder's own names are nothing to a variant.
    #expect(ExperimentText(variants: #"[{"name": "reference", "bits": 1}]"#).errors == "")
  }

  @Test func sizesMustFitTogether() {
    #expect(
      ExperimentText(
        model: vit.replacing("32", with: "30"),
        variants: #"[{"name": "a", "bits": 1, "bias": false}]"#
      ).errors == """
        e.json:4:35: error: model.width: width 30 is not divisible by heads 4
        e.json:6:47: error: variants[0].bias: "bias" is for model.type "mlp", found "vit"
        """)
    #expect(
      ExperimentText(dataset: #"{"name": "cifar100"}"#, model: vit).errors
        == "e.json:4:90: error: model.patch: image side 32 of cifar100 is not divisible by patch 7")
    #expect(
      ExperimentText(
        model: #"{"type": "mlp", "hidden": [16, 8], "bias": [true]}"#,
        variants: #"[{"name": "a", "bits": 1, "bias": [true, true]}, {"name": "b", "bits": 2}]"#
      ).errors == """
        e.json:4:53: error: model.bias: found 1 value, expected 3: one for each hidden layer and one for the output layer
        e.json:6:47: error: variants[0].bias: found 2 values, expected 3: one for each hidden layer and one for the output layer
        """)
  }

  @Test func aModelMustFitIntoMemory() {
    let huge = #"{"type": "mlp", "hidden": [8, 1000000000, 1000000000]}"#
    #expect(
      ExperimentText(model: huge).errors
        == "e.json:4:36: error: model.hidden: the model has 1e18 parameters and takes 3.6e10 GB to train, "
        + "this machine has 8.59 GB of memory")
    // How much it takes hangs on the machine's cores too.
    let wide = ExperimentText(model: vit, rest: [#""grid": {"model.mlp_width": [64, 40000000]}"#]).errors
    #expect(
      wide.hasPrefix("e.json:7:34: error: grid.model.mlp_width[1]: the model has 5.2e9 parameters and takes ")
        && wide.hasSuffix(" GB to train, this machine has 8.59 GB of memory"), "\(wide)")
    // Larger than integers count.
    let deep =
      #"{"type": "vit", "width": 1000000000, "layers": 10000, "heads": 1, "mlp_width": 1000000000, "patch": 2}"#
    #expect(ExperimentText(model: deep).errors.contains("parameters and takes "))
    #expect(
      ExperimentText(model: vit.replacing("32", with: "9223372036854775807")).errors
        == "e.json:4:35: error: model.width: found 9223372036854775807, expected at most 1000000000")
  }

  /// Few parameters, but activations that no memory holds: 64 heads of 1,025 tokens each in 64 blocks.
  @Test func activationsMustFitIntoMemory() {
    let wide = #"{"type": "vit", "width": 64, "layers": 64, "heads": 64, "mlp_width": 64, "patch": 1}"#
    let dataset = #"{"name": "cifar100"}"#
    #expect(
      ExperimentText(dataset: dataset, model: wide).errors.contains(
        "e.json:4:35: error: model.width: the model has 1.69e6 parameters and takes "))
    #expect(
      ExperimentText(dataset: dataset, model: wide.replacing("\"layers\": 64", with: "\"layers\": 1")).errors
        == "")
  }

  @Test func idxNeedsItsFilesAndOthersRefuseThem() {
    #expect(
      ExperimentText(
        dataset: #"{"name": "idx", "train_images": "a", "train_labels": "", "validation_images": "c"}"#
      )
      .errors == """
        e.json:3:12: error: dataset: the key "validation_labels" is missing, dataset.name "idx" needs the path of a file
        e.json:3:65: error: dataset.train_labels: found "", expected the path of a file
        """)
    #expect(
      ExperimentText(dataset: #"{"name": "digits", "train_images": "a"}"#).errors
        == "e.json:3:47: error: dataset.train_images: \"train_images\" is for dataset.name \"idx\", found \"digits\""
    )
  }

  @Test func gridValuesAreCheckedLikeTheKeysThemselves() {
    let grid =
      #""grid": {"training.epochs": [1, 0, "2"], "training.optimizer": "sgd", "training.shuffle": [true, true], "#
      + #""training.early_stopping.patience": [3], "model.type": ["mlp"], "training.optimiser": [1], "#
      + #""training.learning_rate": [1e-3, 0.001]}"#
    #expect(
      ExperimentText(rest: [grid]).errors == """
        e.json:7:33: error: grid.training.epochs[1]: found 0, expected at least 1
        e.json:7:36: error: grid.training.epochs[2]: found "2", expected an integer
        e.json:7:64: error: grid.training.optimizer: found "sgd", expected an array of values
        e.json:7:98: error: grid.training.shuffle[1]: found true again, the first is grid.training.shuffle[0]; expected distinct values
        e.json:7:142: error: grid.training.early_stopping.patience[0]: the key "training.early_stopping.metric" is missing
        e.json:7:146: error: grid: "model.type" cannot vary, it is the same for all runs
        e.json:7:169: error: grid: unknown key "training.optimiser"; did you mean "training.optimizer"?
        e.json:7:229: error: grid.training.learning_rate[1]: found 0.001 again, the first is grid.training.learning_rate[0]; expected distinct values
        """)
  }

  @Test func contradictionsAreReportedAtTheMostParticularSetting() {
    let training =
      #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.1, "optimizer": "sgd", "momentum": 0.9}"#
    #expect(
      ExperimentText(
        training: training,
        variants: #"[{"name": "a", "bits": 1}, {"name": "b", "bits": 2, "optimizer": "adam"}]"#
      ).errors
        == "e.json:6:78: error: variants[1].optimizer: \"momentum\" is for training.optimizer \"sgd\", found \"adam\""
    )
    // Every run overrides the optimizer that does not fit.
    #expect(
      ExperimentText(
        training: training.replacing("sgd", with: "adam"),
        variants: #"[{"name": "a", "bits": 1, "optimizer": "sgd"}]"#
      ).errors == "")
  }

  @Test func plansHaveALimit() {
    let values = (1...50).map { "\($0)" }.joined(separator: ", ")
    let keys = [
      "epochs", "batch_size", "max_steps", "warmup_steps", "log_every_steps", "checkpoint_every_steps",
    ]
    let grid = keys.map { "\"training.\($0)\": [\(values)]" }.joined(separator: ", ")
    #expect(
      ExperimentText(rest: ["\"grid\": {\(grid)}"]).errors
        == "e.json:7:9: error: grid: grid, variants and seeds make 15625000000 runs, expected at most 100000")
  }

  @Test func filesHaveALimit() {
    let padding = String(repeating: " ", count: (1 << 20) - ExperimentText().text.utf8.count)
    #expect(Experiment.errors(in: ExperimentText().text + padding) == "")
    #expect(
      Experiment.errors(in: ExperimentText().text + padding + " ")
        == "e.json:1:1: error: the file is larger than 1048576 bytes, the most that an experiment may have")
  }

  @Test func messagesShowHostileTextHarmlessly() {
    let errors = ExperimentText(name: #""\u001b[31m\u202e""#).errors
    #expect(errors.contains(#"found "\u001b[31m\u202e", expected"#))
    #expect(ExperimentText(name: "\"" + String(repeating: "x", count: 5000) + "\"").errors.utf8.count < 250)
  }
}
