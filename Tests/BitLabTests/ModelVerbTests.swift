import Files
import Foundation
import Testing

@testable import bitlab

/// `export`, `evaluate` and `predict` from outside, with models that a run has trained.
struct ModelVerbTests {
  private static let variants = """
    {"name": "full", "bits": 32}, {"name": "s2", "bits": 2}, {"name": "s1", "bits": 1},
    {"name": "b2", "bits": 2, "method": "bitnet"}, {"name": "b1", "bits": 1, "method": "bitnet"}
    """

  private static func config(_ model: String, name: String = "models") -> String {
    """
    {"name": "\(name)", "dataset": {"name": "digits", "normalize": "half", "train_limit": 200}, "model": \(model),
     "training": {"epochs": 1, "batch_size": 32, "learning_rate": 0.003}, "variants": [\(variants)], "seeds": [0]}
    """
  }

  private static let vit =
    #"{"type": "vit", "width": 24, "layers": 2, "heads": 3, "mlp_width": 36, "patch": 2}"#
  private static let mlp = #"{"type": "mlp", "hidden": [33, 10], "bias": [true, false, true]}"#

  private func trained(_ model: String) throws -> Program {
    let program = try Program()
    try program.put(Self.config(model), as: "models.json")
    #expect(try program("run", "models.json", "-q").code == 0)
    return program
  }

  private func run(_ variant: String, _ file: String = "") -> String {
    "results/models/runs/\(variant)-seed0" + (file.isEmpty ? "" : "/" + file)
  }

  private func object(_ result: Program.Result) throws -> [String: Any] {
    #expect(result.code == 0 && result.errors == "", "\(result)")
    return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  /// The last row's, as the file spells them.
  private func lastOfCurve(_ program: Program, _ variant: String) throws -> (accuracy: String, loss: String) {
    let lines = try program.text(run(variant, "curve.csv")).split(separator: "\n")
    let (names, values) = (lines[0].split(separator: ","), lines[lines.count - 1].split(separator: ","))
    func value(_ name: Substring) throws -> String {
      String(values[try #require(names.firstIndex(of: name))])
    }
    return (try value("val_accuracy"), try value("val_loss"))
  }

  /// To the last digit, whatever the method, the bits and the network, and from latent weights just as from packed ones.
  @Test(arguments: [vit, mlp])
  func evaluationEqualsTheLastOfTheCurve(model: String) throws {
    let program = try trained(model)
    for variant in ["full", "s2", "s1", "b2", "b1"] {
      let expected = try lastOfCurve(program, variant)
      var paths = [run(variant, "model.safetensors")]
      if variant != "full" {
        #expect(try program("export", "models/\(variant)-seed0", "--format", "packed").code == 0)
        paths.append(run(variant, "packed.safetensors"))
      }
      for path in paths {
        let result = try program("evaluate", path, "--dataset", "digits", "--json")
        let found = try object(result)
        // As it is spelled. The loss is a sum whose order the batch size decides.
        #expect(result.output.contains("\"accuracy\": \(expected.accuracy),"), "\(path)")
        let loss = try #require(Double(expected.loss))
        #expect(abs((found["loss"] as? Double ?? 0) - loss) < 1e-12 * loss, "\(path)")
        let confusion = try #require(found["confusion"] as? [[Int]])
        #expect(found["images"] as? Int == 360 && confusion.joined().reduce(0, +) == 360)
        let right = (0..<10).reduce(0) { $0 + confusion[$1][$1] }
        #expect("\(Double(right) / 360)" == expected.accuracy)
        #expect(
          found["weight_bytes"] as? Int == (try program.record("results/models", "\(variant)-seed0"))[
            "weight_bytes"] as? Int)
      }
    }
    let limited = try object(
      try program(
        "evaluate", run("b2", "packed.safetensors"), "--dataset", "digits", "--validation-limit", "7",
        "--json"))
    #expect(limited["images"] as? Int == 7)
    let text = try program("evaluate", run("b2", "packed.safetensors"), "--dataset", "digits").output
    let accuracy = try lastOfCurve(program, "b2").accuracy
    #expect(text.contains("2-bit bitnet") && text.contains("accuracy \(accuracy)\n"))
    #expect(text.split(separator: "\n").count == 4 + 11, "\(text)")
  }

  /// The weights that products see, in float32: the same network in full precision.
  @Test func effectiveWeightsComputeTheSame() throws {
    let program = try trained(Self.vit)
    for variant in ["s2", "s1", "full"] {
      #expect(
        try program("export", "models/\(variant)-seed0", "--format", "safetensors", "--output", "e").code == 0
      )
      let result = try program("evaluate", "e", "--dataset", "digits", "--json")
      let found = try object(result)
      let expected = try lastOfCurve(program, variant)
      #expect(result.output.contains("\"accuracy\": \(expected.accuracy),"))
      #expect(abs((found["loss"] as? Double ?? 0) - (Double(expected.loss) ?? 9)) < 1e-6)
    }
    #expect(try program("export", "models/s2-seed0", "--format", "transformers").code == 0)
    #expect(try program.names(run("s2", "transformers")) == ["config.json", "model.safetensors"])
    let config = try #require(
      try JSONSerialization.jsonObject(with: Data(try program.bytes(run("s2", "transformers/config.json"))))
        as? [String: Any])
    #expect(config["hidden_size"] as? Int == 24 && config["patch_size"] as? Int == 2)
    #expect(config["model_type"] as? String == "vit" && (config["id2label"] as? [String: Any])?.count == 10)
  }

  @Test func equalRunsHaveEqualFilesThatSayNothingElse() throws {
    let program = try trained(Self.mlp)
    try program.put(Self.config(Self.mlp, name: "again"), as: "again.json")
    #expect(try program("run", "again.json", "-q", "--no-reuse").code == 0)
    for (format, variant) in [("packed", "b1"), ("safetensors", "s2")] {
      for name in ["models", "again"] {
        let result = try program(
          "export", "\(name)/\(variant)-seed0", "--format", format, "--output", "\(name)-\(format)")
        #expect(result.code == 0)
      }
      #expect(try program.bytes("models-\(format)") == program.bytes("again-\(format)"))
    }
    #expect(
      try program.bytes(run("b1", "model.safetensors"))
        == program.bytes("results/again/runs/b1-seed0/model.safetensors"))
    let file = try SafetensorsFile(
      decoding: try program.bytes("models-packed"), types: [.f32, .u8], from: "models-packed")
    #expect(
      file.metadata.keys.sorted() == [
        "architecture", "bits", "dataset", "format", "method", "numerics", "two_bit", "version",
      ])
    #expect(file.metadata["bits"] == "1" && file.metadata["method"] == "bitnet")
    #expect(file["layers.0.weight.packed"]?.shape == [33, 8] && file["layers.0.weight"] == nil)
  }

  @Test func whatCannotLeaveIsSaid() throws {
    let program = try trained(Self.mlp)
    func refused(_ words: String..., says: String) throws {
      let result = try program.run(after: "true", ["export"] + words)
      #expect(result.code == 2 && result.errors.contains(says), "\(words): \(result)")
    }
    try refused("models/full-seed0", "--format", "packed", says: "its weights are full precision")
    try refused("models/b2-seed0", "--format", "safetensors", says: "normalize and round their inputs")
    try refused("models/b2-seed0", "--format", "transformers", says: "normalize and round their inputs")
    try refused("models/s2-seed0", "--format", "transformers", says: "it is no vision transformer")
    try refused("models/s2-seed0", says: "export needs --format packed|safetensors|transformers")
    try refused("models/s2-seed1", "--format", "packed", says: "did you mean `models/s2-seed0`?")
    try refused("models", "--format", "packed", says: "`models` is no run")
    try refused("models/../s2-seed0", "--format", "packed", says: "no run")
    try refused("models/s2-seed0", "--format", "packed", "--output", "results", says: "results is a folder")
    let record = try program.text(run("s2", "run.json"))
    try program.put(
      record.replacing(#""status": "completed""#, with: #""status": "paused""#), as: run("s2", "run.json"))
    try refused("models/s2-seed0", "--format", "packed", says: "has not completed, its status is paused")
  }

  @Test func damagedModelsAreSaid() throws {
    let program = try trained(Self.mlp)
    #expect(try program("export", "models/s2-seed0", "--format", "packed", "--output", "m").code == 0)
    let good = try program.bytes("m")
    func fails(_ bytes: [UInt8], says: String) throws {
      try Data(bytes).write(to: URL(fileURLWithPath: program.path + "/bad"))
      for words in [["evaluate", "bad", "--dataset", "digits"], ["predict", "bad", "m"]] {
        let result = try program.run(after: "true", words)
        #expect(result.code == 65 && result.errors.contains(says), "\(words), \(says): \(result)")
      }
    }
    try fails(Array(good.dropLast()), says: "follow the header")
    try fails(Array(good.prefix(100)), says: "is announced in a file of 100 bytes")
    try fails([], says: "too short")
    // The last byte of the data belongs to the last packed tensor.
    try fails(good.dropLast() + [0xFF], says: "layers.2.weight.packed is damaged: row 9, column")
    let text = String(decoding: good, as: Unicode.ASCII.self)
    func changed(_ old: String, _ new: String) throws -> [UInt8] {
      let place = try #require(good.firstRange(of: Array(old.utf8))).lowerBound
      return good[..<place] + Array(new.utf8) + good[(place + old.utf8.count)...]
    }
    #expect(text.contains("bitlab-packed"))
    try fails(try changed(#""version":"1""#, #""version":"2""#), says: "is a packed model of version 2")
    try fails(try changed("bitlab-packed", "somebody-else"), says: "is not a model of BitLab")
    try fails(try changed("layers.2.bias", "layers.9.bias"), says: "the tensor layers.2.bias is missing")
    try fails(
      try changed(#"\"hidden\":[33"#, #"\"hidden\":[34"#),
      says: "layers.0.weight.packed is U8 of shape [33, 16], expected U8 of shape [34, 16]")
    try fails(
      try changed(#"\"hidden\""#, #"\"hiddem\""#), says: "unknown key \"hiddem\"; did you mean \"hidden\"?")
    try fails(try changed(#"\"classes\":10"#, #"\"classes\":99"#), says: "layers.2.")
    let missing = try program("evaluate", "nowhere", "--dataset", "digits")
    #expect(missing.code == 65 && missing.errors.contains("nowhere"))
  }

  @Test func imagesOfTheRightSizeHaveAClass() throws {
    let program = try trained(Self.vit)
    #expect(try program("export", "models/b2-seed0", "--format", "packed", "--output", "m").code == 0)
    let pixels = (0..<192).map { UInt8($0 * 7 % 17) }
    func write(_ bytes: [UInt8], _ name: String) throws {
      try Data(bytes).write(to: URL(fileURLWithPath: "\(program.path)/\(name)"))
    }
    try write([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0, 8] + pixels, "three.idx")
    for index in 0..<3 {
      try write(Array("P5 8 8 16\n".utf8) + pixels[index * 64..<(index + 1) * 64], "\(index).pgm")
    }
    let all = try program("predict", "m", "three.idx", "0.pgm", "1.pgm", "2.pgm", "--json")
    #expect(all.code == 0, "\(all)")
    let found = try #require(
      try JSONSerialization.jsonObject(with: Data(all.output.utf8)) as? [[String: Any]])
    let probabilities = found.compactMap { $0["probabilities"] as? [Double] }
    #expect(found.count == 6 && Array(probabilities[..<3]) == Array(probabilities[3...]))
    #expect(probabilities.allSatisfy { $0.count == 10 && abs($0.reduce(0, +) - 1) < 1e-9 })
    for (line, value) in zip(found, probabilities) {
      #expect(line["class"] as? Int == value.firstIndex(of: value.max()!))
    }
    let lines = try program("predict", "m", "three.idx", "1.pgm").output.split(separator: "\n")
    #expect(lines.count == 4 && lines[1].hasPrefix("three.idx 1: ") && lines[3].hasPrefix("1.pgm: "))
    try write(Array("P5 9 8 16\n".utf8) + pixels[..<72], "wide.pgm")
    let wide = try program("predict", "m", "1.pgm", "wide.pgm")
    #expect(wide.code == 65 && wide.output == "")
    #expect(
      wide.errors.contains(
        "wide.pgm: is 9 pixels wide and 8 high, gray, expected 8 pixels wide and 8 high, gray"))
    try program.put("GIF89a", as: "x.gif")
    let foreign = try program("predict", "m", "x.gif")
    #expect(foreign.code == 65 && foreign.errors.contains("is no IDX, PGM, PPM or PNG file"))
    #expect(try program("predict", "m", "nowhere.png").code == 65)
    #expect(try program("predict", "m").code == 2)
  }

  /// The model is of other images than the data set has.
  @Test func theDataSetMustBeTheModels() throws {
    let program = try trained(Self.mlp)
    // As many pixels, in another shape: the weights fit, the images do not.
    let bytes = try program.bytes(run("b2", "model.safetensors"))
    let place = try #require(bytes.firstRange(of: Array("[1,8,8]".utf8)))
    let other = bytes[..<place.lowerBound] + Array("[4,4,4]".utf8) + bytes[place.upperBound...]
    try Data(other).write(to: URL(fileURLWithPath: program.path + "/other"))
    let refused = try program("evaluate", "other", "--dataset", "digits")
    #expect(refused.code == 2 && refused.errors.contains("10 classes of 4x4x4, and the data set digits has"))
    let none = try program("evaluate", run("b2", "model.safetensors"))
    #expect(none.code == 2 && none.errors.contains("evaluate needs --dataset digits|"))
  }
}
