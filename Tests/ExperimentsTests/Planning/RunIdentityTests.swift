import Testing

@testable import Experiments

/// What makes two runs the same, and what does not.
struct RunIdentityTests {
  private static let base = ExperimentText(
    training: #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.001}"#,
    variants: #"[{"name": "two", "bits": 2}]"#)

  private func identity(_ text: ExperimentText, _ data: String = "d") throws -> RunIdentity {
    RunIdentity(try Plan(text.experiment()).runs[0], dataSHA256: data)
  }

  /// The text is for ever: another one would make every run another.
  @Test func theTextIsFixed() throws {
    #expect(
      try identity(Self.base).text
        == #"{"bits":2,"data_sha256":"d","dataset.name":"mnist","model.hidden":[16],"model.type":"mlp","numerics":2,"#
        + #""seed":0,"training.batch_size":8,"training.epochs":2,"training.learning_rate":0.001}"#)
    #expect(try identity(Self.base).hash == "abe0736fb96fee0455275c2d4136f5e0")
    let run = try Plan(Self.base.experiment()).runs[0]
    #expect(
      RunIdentity(run, dataSHA256: "", initialWeightsSHA256: "w", numerics: 2).text
        == #"{"bits":2,"data_sha256":"","dataset.name":"mnist","initial_weights_sha256":"w","model.hidden":[16],"#
        + #""model.type":"mlp","numerics":2,"seed":0,"training.batch_size":8,"training.epochs":2,"#
        + #""training.learning_rate":0.001}"#)
  }

  /// What full precision computes is as it ever was.
  @Test func fullPrecisionKeepsItsHash() throws {
    var text = Self.base
    text.variants = #"[{"name": "full", "bits": 32}]"#
    #expect(try identity(text).text.contains(#""numerics":1,"#))
  }

  private static let equals: [(String, ExperimentText)] = [
    ("name", with { $0.name = #""other""# }),
    ("variant's name", with { $0.variants = #"[{"name": "ternary", "bits": 2}]"# }),
    ("other variants", with { $0.variants = #"[{"name": "two", "bits": 2}, {"name": "full", "bits": 32}]"# }),
    ("other seeds", with { $0.rest = [#""seeds": [0, 1]"#] }),
    (
      "how it runs",
      with {
        $0.rest = [#""priority": 3"#, #""threads": 1"#, #""max_retries": 2"#, #""time_limit_seconds": 9"#]
      }
    ),
    (
      "checkpoints",
      with {
        $0.training =
          #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.001, "checkpoint_every_steps": 3}"#
      }
    ),
    (
      "defaults written out",
      with {
        $0.dataset = #"{"name": "mnist", "normalize": "unit"}"#
        $0.model = #"{"type": "mlp", "hidden": [16], "bias": true, "initialization": "default"}"#
        $0.training =
          #"{"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "optimizer": "adam", "weight_decay": 0, "shuffle": true}"#
        $0.variants = #"[{"name": "two", "bits": 2, "method": "simple-bitnet", "bias": [true, true]}]"#
      }
    ),
    (
      "the variant's value",
      with {
        $0.training = #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.5}"#
        $0.variants = #"[{"name": "two", "bits": 2, "learning_rate": 0.001}]"#
      }
    ),
    ("a grid's value", with { $0.rest = [#""grid": {"training.learning_rate": [0.001]}"#] }),
  ]

  @Test(arguments: equals) func whatDecidesNothing(what: String, text: ExperimentText) throws {
    #expect(try identity(text).text == identity(Self.base).text, "\(what)")
  }

  private static let others: [(String, ExperimentText)] = [
    ("bits", with { $0.variants = #"[{"name": "two", "bits": 1}]"# }),
    ("method", with { $0.variants = #"[{"name": "two", "bits": 2, "method": "bitnet"}]"# }),
    ("seed", with { $0.rest = [#""seeds": [1]"#] }),
    ("data", with { $0.dataset = #"{"name": "fashion-mnist"}"# }),
    ("preparation", with { $0.dataset = #"{"name": "mnist", "normalize": "half"}"# }),
    ("limit", with { $0.dataset = #"{"name": "mnist", "train_limit": 5}"# }),
    ("one bias", with { $0.model = #"{"type": "mlp", "hidden": [16], "bias": [false, true]}"# }),
    (
      "another optimizer's default",
      with {
        $0.training = #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.001, "optimizer": "adamw"}"#
      }
    ),
    (
      "rows of steps.csv",
      with { $0.training = #"{"epochs": 2, "batch_size": 8, "learning_rate": 0.001, "log_every_steps": 1}"# }
    ),
  ]

  @Test(arguments: others) func whatDecidesBytes(what: String, text: ExperimentText) throws {
    #expect(try identity(text).hash != identity(Self.base).hash, "\(what)")
  }

  @Test func dataAndArithmeticDecideToo() throws {
    let run = try Plan(Self.base.experiment()).runs[0]
    let hashes = [
      RunIdentity(run, dataSHA256: "d"), RunIdentity(run, dataSHA256: "e"),
      RunIdentity(run, dataSHA256: "d", numerics: 3),
      RunIdentity(run, dataSHA256: "d", initialWeightsSHA256: "w"),
      RunIdentity(run, dataSHA256: "d", initialWeightsSHA256: "v"),
    ].map(\.hash)
    #expect(Set(hashes).count == hashes.count && hashes.allSatisfy { $0.count == 32 })
  }

  private static func with(_ change: (inout ExperimentText) -> Void) -> ExperimentText {
    var text = base
    change(&text)
    return text
  }
}
