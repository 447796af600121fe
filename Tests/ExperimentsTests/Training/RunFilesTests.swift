import Files
import Foundation
import Testing

@testable import Experiments

/// What a run leaves in its folder.
struct RunFilesTests {
  @Test func aRunLeavesExactlyTheFilesThatAreDocumented() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits())
    #expect(run.train() == .completed)
    #expect(
      try run.files == ["curve.csv", "model.safetensors", "run.json", "run.log", "steps.csv", "timing.csv"])
  }

  @Test func theCurveHasARowPerEpoch() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits())
    run.train()
    let text = try run.curveText
    #expect(
      text.firstLine
        == "experiment,variant,seed,epoch,step,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate")
    #expect(text.hasSuffix("\n"))
    #expect(
      text.rows.map { Array($0[0..<5]) } == (1...3).map { ["sample", "full", "0", "\($0)", "\($0 * 4)"] })
    for row in try run.curve {
      #expect(row.trainLoss > 0 && row.trainLoss < 5 && row.validationLoss! > 0)
      // A mean over 50 images, and over 20.
      #expect((row.trainAccuracy * 50 - (row.trainAccuracy * 50).rounded()).magnitude < 1e-9)
      #expect((row.validationAccuracy! * 20 - (row.validationAccuracy! * 20).rounded()).magnitude < 1e-9)
      #expect(row.learningRate == 0.01)
    }
    #expect(try run.curve[2].trainLoss < run.curve[0].trainLoss)
  }

  @Test func gridKeysFollowTheSeed() throws {
    let folder = try TrainingFolder()
    let grid = #""grid": {"training.learning_rate": [0.02, 0.5], "model.initialization": ["uniform"]}"#
    let run = try folder.place(.digits(epochs: 1, rest: [grid]), 1)
    run.train()
    #expect(
      try run.curveText.firstLine.hasPrefix(
        "experiment,variant,seed,training.learning_rate,model.initialization,epoch,step,"))
    #expect(try run.curveText.rows.map { Array($0[1...6]) } == [["full", "0", "0.5", "uniform", "1", "4"]])
    #expect(
      try run.stepsText.firstLine
        == "experiment,variant,seed,training.learning_rate,model.initialization,epoch,step,train_loss,train_accuracy,learning_rate"
    )
  }

  @Test func stepsAreLoggedAtMultiples() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(#", "log_every_steps": 3"#))
    run.train()
    let rows = try run.stepsText.rows
    #expect(
      rows.map { Array($0[0..<5]) } == [
        ["sample", "full", "0", "1", "3"], ["sample", "full", "0", "2", "6"],
        ["sample", "full", "0", "3", "9"],
        ["sample", "full", "0", "3", "12"],
      ])
  }

  @Test func theRowsOfAnEpochsStepsAddUpToItsRow() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(#", "log_every_steps": 1"#))
    run.train()
    let steps = try run.stepsText.rows
    #expect(steps.count == 12)
    // The last batch has 2 images: the epoch's means are over images, not over batches.
    let sizes = [16.0, 16, 16, 2]
    for epoch in try run.curve {
      let own = steps[(epoch.epoch - 1) * 4..<epoch.epoch * 4]
      let loss = zip(own, sizes).reduce(0) { $0 + Double($1.0[5])! * $1.1 } / 50
      let accuracy = zip(own, sizes).reduce(0) { $0 + Double($1.0[6])! * $1.1 } / 50
      #expect((loss - epoch.trainLoss).magnitude < 1e-9)
      #expect((accuracy - epoch.trainAccuracy).magnitude < 1e-9)
      #expect([0, 0.5, 1].contains(Double(own.last![6])!))
    }
  }

  /// At a rate near zero an image's loss is the same in every epoch: what differs is who is in a batch.
  @Test(arguments: [true, false]) func everyEpochHasItsOwnOrderWhereItIsShuffled(shuffle: Bool) throws {
    let folder = try TrainingFolder()
    let text = ExperimentText.digits(
      epochs: 2, rate: "1e-30", #", "log_every_steps": 1, "shuffle": \#(shuffle)"#)
    let run = try folder.place(text)
    run.train()
    let losses = try run.stepsText.rows.map { $0[5] }
    #expect((losses[0..<4] == losses[4..<8]) != shuffle)
    #expect(try (run.curve[0].trainLoss - run.curve[1].trainLoss).magnitude < 1e-6)
  }

  @Test func noStepsFileWhereNoneIsWanted() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(#", "log_every_steps": 0"#))
    #expect(run.train() == .completed)
    #expect(try !run.files.contains("steps.csv"))
    let longRun = try folder.place(.digits(#", "log_every_steps": 13"#), as: "header")
    longRun.train()
    #expect(
      try longRun.stepsText == "experiment,variant,seed,epoch,step,train_loss,train_accuracy,learning_rate\n")
  }

  @Test func timingHasARowPerEpoch() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits())
    run.train()
    let text = try run.timingText
    #expect(text.firstLine == "epoch,seconds,images_per_second")
    #expect(text.rows.map { $0[0] } == ["1", "2", "3"])
    var sum = 0.0
    for row in text.rows {
      let (seconds, speed) = (Double(row[1])!, Double(row[2])!)
      #expect(seconds > 0 && (speed * seconds - 50).magnitude < 1e-6)
      sum += seconds
    }
    #expect(try (run.record.trainSeconds! - sum).magnitude < 1e-9)
  }

  @Test func theModelHasPyTorchsNamesAndShapes() throws {
    let folder = try TrainingFolder()
    let variants = #"[{"name": "two", "bits": 2, "bias": [true, false, true]}]"#
    let run = try folder.place(.digits(hidden: "[8, 5]", variants: variants))
    run.train()
    let model = try run.model
    // What transformers wants, and what the program itself needs to compute with the file alone.
    #expect(
      model.metadata == [
        "format": "pt", "content": "latent weights", "bits": "2", "method": "simple-bitnet", "numerics": "2",
        "architecture":
          #"{"type":"mlp","hidden":[8,5],"bias":[true,false,true],"initialization":"default"}"#,
        "dataset":
          #"{"name":"digits","normalize":"unit","white_level":16,"image":[1,8,8],"classes":10}"#,
      ])
    #expect(
      Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.name, $0.shape) }) == [
        "layers.0.weight": [8, 64], "layers.0.bias": [8], "layers.1.weight": [5, 8],
        "layers.2.weight": [10, 5],
        "layers.2.bias": [10],
      ])
    // Latent weights: what training updates, not what it multiplies with.
    #expect(Set(model["layers.0.weight"]!.values.map(\.magnitude)).count > 100)
  }

  @Test func aVisionTransformerHasTheHubsNames() throws {
    let folder = try TrainingFolder()
    var text = ExperimentText.digits(epochs: 1)
    text.model = #"{"type": "vit", "width": 8, "layers": 1, "heads": 2, "mlp_width": 12, "patch": 4}"#
    let run = try folder.place(text)
    #expect(run.train() == .completed)
    let shapes = Dictionary(uniqueKeysWithValues: try run.model.tensors.map { ($0.name, $0.shape) })
    #expect(shapes["vit.embeddings.cls_token"] == [1, 1, 8])
    #expect(shapes["vit.embeddings.position_embeddings"] == [1, 5, 8])
    #expect(shapes["vit.embeddings.patch_embeddings.projection.weight"] == [8, 1, 4, 4])
    #expect(shapes["vit.encoder.layer.0.attention.attention.query.weight"] == [8, 8])
    #expect(shapes["vit.encoder.layer.0.intermediate.dense.weight"] == [12, 8])
    #expect(shapes["classifier.bias"] == [10])
    #expect(shapes.count == 4 + 16 + 2 + 2)
  }

  @Test func theLogFollowsTheRun() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(.digits(epochs: 2))
    run.train()
    let lines = try run.log.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines.allSatisfy { $0.contains(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\s/) })
    #expect(lines[0].hasSuffix("began: 610 parameters, 50 images, 8 steps"))
    #expect(lines[1].contains("epoch 1: train loss"))
    #expect(lines[2].contains("epoch 2: train loss"))
    #expect(lines[3].hasSuffix("Z completed"))
  }
}
