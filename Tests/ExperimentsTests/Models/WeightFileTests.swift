import Datasets
import Files
import Foundation
import Networks
import TensorCore
import TestSupport
import Testing

@testable import Experiments

/// Model files: written, read, damaged.
struct WeightFileTests {
  private static let files = POSIXFileSystem()

  private static func plan(_ model: String, bits: Int, method: String) throws -> RunPlan {
    let text = """
      {"name": "m", "dataset": {"name": "digits"}, "model": \(model), "training": {"epochs": 1, "batch_size": 8, "learning_rate": 0.1},
       "variants": [{"name": "v", "bits": \(bits), "method": "\(method)"}]}
      """
    return try #require(Plan(try Experiment(bytes: Array(text.utf8), path: "m.json")).runs.first)
  }

  private static let vit =
    #"{"type": "vit", "width": 8, "layers": 1, "heads": 2, "mlp_width": 12, "patch": 4}"#
  private static let mlp = #"{"type": "mlp", "hidden": [9, 6]}"#

  /// A run's file with drawn weights, after `change`.
  private static func latent(
    _ model: String, bits: Int = 2, method: String = "bitnet", in folder: TemporaryFolder,
    _ change: (ParameterValues) -> Void = { _ in }
  ) throws -> WeightFile {
    let plan = try plan(model, bits: bits, method: method)
    let specification = plan.networkSpecification(
      image: ImageShape(channels: 1, height: 8, width: 8), classes: 10)
    let values = try ParameterValues(layout: specification.network(shardImages: 1).layout)
    values.initialize(seed: 3)
    change(values)
    let path = folder.file("latent")
    try SafetensorsFile.write(
      ModelWeights.sources(values),
      metadata: WeightFile.metadata(ModelDescription(plan, specification, whiteLevel: 16)), to: path,
      in: files)
    return try WeightFile(reading: path, in: files)
  }

  private static func logits(_ model: WeightFile, _ samples: SomeSamples) throws -> [Float] {
    let logits = try model.inference(team).logits(samples)
    return withExtendedLifetime(logits) { logits.all.array }
  }

  private static let team = Team(pool: ComputePool(cores: 1))

  /// An exact zero has no sign: its matrix takes two bits, is named, and computes what it did.
  @Test func aBinaryMatrixWithAZeroIsNamed() throws {
    for method in ["simple-bitnet", "bitnet"] {
      let folder = try TemporaryFolder()
      let model = try Self.latent(Self.mlp, bits: 1, method: method, in: folder) { values in
        let index = values.layout.tensors.firstIndex { $0.name == "layers.1.weight" }!
        // Their mean is zero, so that what is zero stays so where the mean is taken off.
        let count = values[index].count
        values[index].copy(from: (0..<count).map { $0 < 2 ? 0 : $0 % 2 == 0 ? 0.5 : -0.5 })
      }
      let twoBit = try model.writePacked(to: folder.file("packed"), Self.team, in: Self.files)
      #expect(twoBit == ["layers.1.weight"])
      let file = try SafetensorsFile(
        reading: folder.file("packed"), types: [.f32, .u8], in: Self.files)
      #expect(file.metadata["two_bit"] == #"["layers.1.weight"]"#)
      #expect(
        file["layers.1.weight.packed"]?.shape == [6, 3] && file["layers.0.weight.packed"]?.shape == [9, 8])
      let packed = try WeightFile(reading: folder.file("packed"), in: Self.files)
      let samples = SomeSamples()
      let logits = try Self.logits(model, samples)
      #expect(try Self.logits(packed, samples) == logits)
      #expect(!logits.contains { $0.isNaN })
    }
  }

  /// Whatever bytes a model file has: it is read or refused, and what is read can be computed with.
  ///
  /// `make fuzz` has it for a minute, from another seed each time.
  @Test func damagedFilesAreReadOrRefused() throws {
    let environment = ProcessInfo.processInfo.environment
    let seconds = environment["BITLAB_FUZZ_SECONDS"].flatMap(Double.init)
    let seed = environment["BITLAB_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    var random = SplitMix64(state: seed)
    let folder = try TemporaryFolder()
    var goods: [[UInt8]] = []
    for (model, bits, method) in [
      (Self.vit, 2, "bitnet"), (Self.vit, 1, "simple-bitnet"), (Self.mlp, 1, "bitnet"),
      (Self.mlp, 32, "bitnet"),
    ] {
      let latent = try Self.latent(model, bits: bits, method: method, in: folder)
      goods.append(try folder.bytes("latent"))
      guard bits < 32 else { continue }
      _ = try latent.writePacked(to: folder.file("packed"), Self.team, in: Self.files)
      goods.append(try folder.bytes("packed"))
    }
    let end = Date().addingTimeInterval(seconds ?? .infinity)
    var (read, refused) = (0, 0)
    var round = 0
    while seconds == nil ? round < 3000 : Date() < end {
      round += 1
      let bytes = Self.damaged(goods[Int.random(in: 0..<goods.count, using: &random)], &random)
      do {
        let file = try WeightFile(decoding: bytes, from: "f")
        read += 1
        guard read % 10 == 0 else { continue }
        _ = try Self.logits(file, SomeSamples(shape: file.description.specification.image))
      } catch is FileContentError {
        refused += 1
      } catch is OutOfMemory {
        refused += 1
      }
    }
    #expect(read > 0 && refused > round / 2, "seed \(seed): \(read) read, \(refused) refused")
    if seconds != nil { print("fuzz: seed \(seed), \(read) files read, \(refused) refused") }
  }

  private static func damaged(_ good: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = good
    // The header is where there is most to break.
    let header = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let bound = Bool.random(using: &random) ? min(header, bytes.count) : bytes.count
      let place = Int.random(in: 0..<bound, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 2: bytes[place] = UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &random)
      case 3: bytes.removeSubrange(place...)
      case 4: bytes.insert(UInt8(ascii: "9"), at: place)
      default:
        let other = Int.random(in: 0..<bound, using: &random)
        bytes.swapAt(place, other)
      }
    }
    return bytes
  }

  private struct SomeSamples: Samples {
    var shape = ImageShape(channels: 1, height: 8, width: 8)

    var count: Int { 3 }

    func load(_ position: Int, into target: Vector) {
      for index in 0..<target.count { target[index] = Float((index * 37 + position * 11) % 17) / 8 - 1 }
    }

    func label(_ position: Int) -> Int { 0 }
  }
}
