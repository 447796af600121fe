import Foundation
import Testing

@testable import Experiments

/// Runs on a user's own IDX files.
struct OwnDataTests {
  private static func write(_ folder: TrainingFolder) throws {
    try OwnFiles(folder: folder.path).write(seed: 0)
  }

  private static func text(_ model: String) -> ExperimentText {
    var text = ExperimentText.digits(epochs: 1)
    text.dataset = OwnFiles.dataset()
    text.model = model
    return text
  }

  @Test func filesAreFoundBesideTheConfig() throws {
    let folder = try TrainingFolder()
    try Self.write(folder)
    let run = try folder.place(Self.text(#"{"type": "mlp", "hidden": [4]}"#))
    #expect(run.train() == .completed)
    #expect(try run.model["layers.0.weight"]?.shape == [4, 48])
    #expect(try run.model["layers.1.weight"]?.shape == [3, 4])
    #expect(try run.curve.map(\.step) == [2])
  }

  @Test func aPatchThatDividesBothSidesIsFine() throws {
    let folder = try TrainingFolder()
    try Self.write(folder)
    let vit = #"{"type": "vit", "width": 4, "layers": 1, "heads": 1, "mlp_width": 4, "patch": 2}"#
    let run = try folder.place(Self.text(vit))
    #expect(run.train() == .completed)
    #expect(try run.model["vit.embeddings.position_embeddings"]?.shape == [1, 13, 4])
  }

  @Test func aPatchThatDoesNotDivideTheImagesFailsTheRun() throws {
    let folder = try TrainingFolder()
    try Self.write(folder)
    let vit = #"{"type": "vit", "width": 4, "layers": 1, "heads": 1, "mlp_width": 4, "patch": 4}"#
    let run = try folder.place(Self.text(vit))
    let failure = try #require(run.train().failure)
    #expect(failure.kind == .content && failure.description == "image side 6 is not divisible by patch 4")
    #expect(try run.record.status == .failed && run.record.error == failure.description)
  }

  @Test func aMissingFileFailsTheRunAndIsNamed() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(Self.text(#"{"type": "mlp", "hidden": [4]}"#))
    let failure = try #require(run.train().failure)
    #expect(failure.kind == .content && failure.description.contains(folder.file("train-images")))
  }
}
