import Datasets
import Files
import JSON

/// What decides the bytes of a run's results, and nothing else: runs with the same hash give the same bytes.
///
/// The hash is the first 32 hexadecimal digits of the SHA-256 of a text: a JSON object without white space, its keys in full
/// and sorted, numbers in their shortest form. A setting is part of it only where it differs from its default, so that a key
/// that comes later changes no hash of before. Files count by their content, not by their names. Names, other runs, and
/// what decides when, where and how often a run is saved are no part of it.
package struct RunIdentity: Sendable, Hashable {
  /// The version of the program's arithmetic: raised when the bytes of results change for the same settings and data.
  package static let currentNumerics = 1

  package let text: String

  /// - Parameters:
  ///   - dataSHA256: of the data's content; empty where it is not known.
  ///   - initialWeightsSHA256: of the file that the run begins from, where there is one.
  package init(
    _ run: RunPlan, dataSHA256: String, initialWeightsSHA256: String? = nil, numerics: Int = currentNumerics
  ) {
    var members = run.settings.differing
    members["bits"] = .integer(run.precision.rawValue)
    if run.precision != .full, run.method != .simpleBitNet {
      members["method"] = .string(run.method.rawValue)
    }
    members["seed"] = .integer(run.seed)
    members["data_sha256"] = .string(dataSHA256)
    if let initialWeightsSHA256 {
      members["initial_weights_sha256"] = .string(initialWeightsSHA256)
    }
    members["numerics"] = .integer(numerics)
    text = JSONObject(members.map { JSONMember($0.key, $0.value) }).canonical
  }

  /// 32 hexadecimal digits.
  package var hash: String { String(SHA256.hexadecimal(of: Array(text.utf8)).prefix(32)) }
}

extension PlacedRun {
  /// Whether the run, as its config has it now, is the one that a record tells of: the content of its data, which may have
  /// changed since, and the version of the arithmetic left out. Records from before there were hashes are known by their
  /// config.
  package func isThat(of record: RunRecord, in files: any FileSystem) -> Bool {
    guard let hash = record.runHash else { return record.configHash == configHash }
    var weights: String?
    if let name = plan.training.initialWeights {
      let path = Experiment.resolve(path: name, folder: configFolder)
      guard let bytes = try? files.readAll(path) else { return false }
      weights = SHA256.hexadecimal(of: bytes)
    }
    return (1...RunIdentity.currentNumerics).contains { numerics in
      hash
        == RunIdentity(
          plan, dataSHA256: record.dataSHA256 ?? "", initialWeightsSHA256: weights, numerics: numerics
        ).hash
    }
  }
}

extension ConfigurationValues {
  /// The settings that decide bytes and differ from their defaults.
  fileprivate var differing: [String: JSONValue] {
    var result: [String: JSONValue] = [:]
    for key in ConfigurationSchema.runKeys where key.decidesResults {
      guard let value = self[key.path], !isDefault(value, of: key) else { continue }
      result[key.path] = value.json
    }
    return result
  }

  private func isDefault(_ value: ConfigurationValue, of key: ConfigurationKey) -> Bool {
    let fallback: ConfigurationValue?
    switch key.fallback {
    case .required, .none: fallback = nil
    case .value(let value): fallback = value
    case .byChoice(let other, let defaults): fallback = self[other]?.string.flatMap { defaults[$0] }
    }
    guard let fallback else { return false }
    // One value that stands for all layers is written out for each of them.
    if case .list(let values) = value, case .scalar(let scalar) = fallback {
      return values.allSatisfy { $0 == scalar }
    }
    return value == fallback
  }
}

extension ConfigurationKey {
  /// Files are known by their content, and checkpoints leave the results as they are.
  fileprivate var decidesResults: Bool {
    type != .path && path != "training.checkpoint_every_steps"
  }
}
