import Files
import Foundation
import TensorCore
import Testing

@testable import Experiments
@testable import Networks

/// The ViT is Hugging Face's `ViTForImageClassification`, which computed the fixtures' logits.
struct TransformersTests {
  @Test func logitsOfGivenWeights() throws {
    let fixture = try Fixture("train-vit-32")
    let variant = try Self.variant(.full)
    let images = try FixtureSamples(Fixture("digits")).batch(ofStep: 0)
    expectClose(
      try variant.model().logits(images).array, try fixture.values("logits"), within: 1e-6, of: .one,
      "\(fixture.name), logits")
  }

  /// Trains each ViT for 50 steps and leaves `vit-BITS-model.safetensors` and `vit-BITS-logits.safetensors` in the folder
  /// that `BITLAB_INTEROP_FOLDER` names, for Tests/Interop/check_from_pretrained.py.
  @Test(
    .enabled(if: interopFolder != nil, "BITLAB_INTEROP_FOLDER names no folder"),
    arguments: WeightPrecision.allCases)
  func export(precision: WeightPrecision) throws {
    let folder = try #require(Self.interopFolder)
    let variant = try Self.variant(precision)
    let digits = try Fixture("digits")
    let images = try FixtureSamples(digits).batch(ofStep: 0)
    let step = try variant.step()
    _ = try TrainingTests.losses(step, variant, steps: 50)

    let files = POSIXFileSystem()
    try files.createFolders(folder)
    try SafetensorsFile.write(
      ModelWeights.sources(step.model.parameters), metadata: ["format": "pt"],
      to: "\(folder)/\(variant.name)-model.safetensors", in: files)
    let pixels = Array(try digits.values("pixels").prefix(images.count * 64))
    try SafetensorsFile.write(
      [
        TensorSource("pixels", shape: [images.count, 1, 8, 8], values: pixels),
        TensorSource("logits", shape: [images.count, 10], values: step.model.logits(images).array),
      ], to: "\(folder)/\(variant.name)-logits.safetensors", in: files)
    withExtendedLifetime(step) {}
  }

  private static let interopFolder = ProcessInfo.processInfo.environment["BITLAB_INTEROP_FOLDER"]

  private static func variant(_ precision: WeightPrecision) throws -> NetworkVariant {
    try #require(
      NetworkVariant.all.first {
        $0.architecture == .vit && $0.precision == precision && !$0.roundsActivations
      })
  }
}
