import Foundation
import Testing

@testable import Experiments

/// Runs on a user's own IDX files.
struct OwnDataTests {
  /// An IDX file of unsigned bytes.
  private static func idx(_ sizes: [Int], _ bytes: [UInt8]) -> Data {
    var data = Data([0, 0, 8, UInt8(sizes.count)])
    for size in sizes { withUnsafeBytes(of: UInt32(size).bigEndian) { data.append(contentsOf: $0) } }
    return data + bytes
  }

  /// Images of 6 rows and 8 columns in 3 classes, told apart by their first pixel.
  private static func write(_ folder: TrainingFolder) throws {
    for (name, count) in [("train", 20), ("validation", 7)] {
      var images = (0..<count * 48).map { UInt8($0 * 7 % 256) }
      for image in 0..<count { images[image * 48] = UInt8(image % 3 * 120) }
      try idx([count, 6, 8], images).write(to: URL(fileURLWithPath: folder.file("\(name)-images")))
      try idx([count], (0..<count).map { UInt8($0 % 3) })
        .write(to: URL(fileURLWithPath: folder.file("\(name)-labels")))
    }
  }

  private static func text(_ model: String) -> ExperimentText {
    var text = ExperimentText.digits(epochs: 1)
    text.dataset = """
      {"name": "idx", "train_images": "train-images", "train_labels": "train-labels",
       "validation_images": "validation-images", "validation_labels": "validation-labels"}
      """
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
