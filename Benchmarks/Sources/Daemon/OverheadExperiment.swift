import Experiments
import Files
import Foundation
import Networks

/// The experiments whose overhead is measured.
enum OverheadExperiment: String, CaseIterable {
  case mnistFFN = "mnist-ffn"
  case fashionMNISTViT = "fashion-mnist-vit"

  /// The part of the training time that all but the arithmetic may take.
  var bound: Double {
    switch self {
    case .mnistFFN: 0.03
    case .fashionMNISTViT: 0.01
    }
  }

  /// Rounds that are measured where nobody says otherwise: long runs need fewer.
  var rounds: Int {
    switch self {
    case .mnistFFN: 15
    case .fashionMNISTViT: 5
    }
  }

  /// One variant and seed of the committed config.
  func config(in folder: String, precision: WeightPrecision) throws -> OverheadConfig {
    let path = FilePath.join(folder, rawValue + ".json")
    let bytes = try POSIXFileSystem().readAll(path)
    guard var members = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
      let variants = members["variants"] as? [[String: Any]],
      let variant = variants.first(where: { $0["bits"] as? Int == precision.rawValue })
    else { throw BenchmarkProblem("\(path) has no variant with \(precision.rawValue) bits") }
    members["$schema"] = nil
    members["variants"] = [variant]
    members["seeds"] = [0]
    if self == .fashionMNISTViT { Self.shorten(&members) }
    return OverheadConfig(members: members)
  }

  /// Some 13 seconds on two fast cores, with a checkpoint after 6: far more often than on all of the data, where there is one
  /// in half a minute.
  private static func shorten(_ members: inout [String: Any]) {
    var dataset = members["dataset"] as? [String: Any] ?? [:]
    dataset["train_limit"] = 12_800
    dataset["validation_limit"] = 1_280
    members["dataset"] = dataset
    var training = members["training"] as? [String: Any] ?? [:]
    training["epochs"] = 2
    members["training"] = training
  }
}

/// A config's members, to be written under one name after the other.
struct OverheadConfig {
  var members: [String: Any]

  /// - Parameter isShort: whether it ends after one step.
  func text(name: String, isShort: Bool) throws -> String {
    var members = members
    members["name"] = name
    if isShort {
      var training = members["training"] as? [String: Any] ?? [:]
      training["max_steps"] = 1
      members["training"] = training
    }
    return String(decoding: try JSONSerialization.data(withJSONObject: members), as: UTF8.self)
  }
}
