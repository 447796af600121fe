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
  /// The version of the program's arithmetic for a run: raised when the bytes of its results change for the same settings
  /// and data. 2: scales of quantized weights are applied to sums, no longer to each weight.
  package static func numerics(_ run: RunPlan) -> Int { run.precision == .full ? 1 : 2 }

  package let text: String

  /// - Parameters:
  ///   - dataSHA256: of the data's content; empty where it is not known.
  ///   - initialWeightsSHA256: of the file that the run begins from, where there is one.
  package init(
    _ run: RunPlan, dataSHA256: String, initialWeightsSHA256: String? = nil, numerics: Int? = nil
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
    members["numerics"] = .integer(numerics ?? Self.numerics(run))
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
    let weights = initialWeights(in: files)
    if record.configHash == configHash, record.runHash == nil || weights.hasNoContent { return true }
    return record.runHash.flatMap { numerics(of: $0, record.dataSHA256, weights) } != nil
  }

  /// Whether the record says that this run has got to its end: it is not trained again, whatever else is known of it. One
  /// that its time limit ended has got there unless it may take longer now.
  package func hasEnded(_ record: RunRecord, in files: any FileSystem) -> Bool {
    guard record.status == .completed || record.status == .diverged, isThat(of: record, in: files) else {
      return false
    }
    guard record.stoppedBy == RunRecord.timeLimit else { return true }
    // The checkpoint knows what the limit has counted. Without one there is nothing to go on from.
    guard let metadata = folder.checkpoints(in: files).newestMetadata,
      let state = TrainingState(metadata: metadata)
    else { return true }
    return timeLimitSeconds.map { $0 <= state.activeSeconds } ?? false
  }

  /// The version of the arithmetic under which a hash is this run's on those data; nil where it is another run's.
  func numerics(of hash: String, dataSHA256: String?, in files: any FileSystem) -> Int? {
    numerics(of: hash, dataSHA256, initialWeights(in: files))
  }

  private func numerics(of hash: String, _ dataSHA256: String?, _ weights: InitialWeights) -> Int? {
    (1...RunIdentity.numerics(plan)).reversed().first { numerics in
      RunIdentity(
        plan, dataSHA256: dataSHA256 ?? "", initialWeightsSHA256: weights.sha256, numerics: numerics
      ).hash == hash
    }
  }

  /// Whether the hash is this run's by an earlier version of the arithmetic.
  package func hasOtherNumerics(_ hash: String, dataSHA256: String, in files: any FileSystem) -> Bool {
    numerics(of: hash, dataSHA256: dataSHA256, in: files).map { $0 != RunIdentity.numerics(plan) } ?? false
  }

  /// The run's hash on data of that content; nil where the weights that it begins from are not known.
  package func hash(dataSHA256: String, in files: any FileSystem) -> String? {
    let weights = initialWeights(in: files)
    if weights == .unknown { return nil }
    return RunIdentity(plan, dataSHA256: dataSHA256, initialWeightsSHA256: weights.sha256).hash
  }

  private enum InitialWeights: Equatable {
    case none
    case content(String)
    /// There is no file of theirs that can be read again and again.
    case unknown

    var sha256: String? { if case .content(let sha256) = self { sha256 } else { nil } }
    var hasNoContent: Bool { sha256 == nil }
  }

  private func initialWeights(in files: any FileSystem) -> InitialWeights {
    guard let path = initialWeightsPath else { return .none }
    // A pipe would give its content once, and whoever asks first would take it from the run.
    return FileHashes.sha256(of: path, in: files).map { .content($0) } ?? .unknown
  }

  /// The file that the run begins from, if its config names one.
  package var initialWeightsPath: String? {
    plan.training.initialWeights.map { FilePath.resolve($0, in: configFolder) }
  }
}

extension RunPlan {
  /// The settings that decide bytes and differ between two plans of a run, as in `training.epochs: 5, now 10`.
  package func differences(from former: RunPlan) -> [String] {
    var found: [String] = []
    func compare(_ key: String, _ before: String?, _ now: String?) {
      if before != now { found.append("\(key): \(before ?? "none"), now \(now ?? "none")") }
    }
    for key in ConfigurationSchema.runKeys where key.decidesResults {
      compare(key.path, former.settings[key.path]?.json.canonical, settings[key.path]?.json.canonical)
    }
    compare("bits", String(former.precision.rawValue), String(precision.rawValue))
    compare("method", former.methodText, methodText)
    return found
  }

  /// What tells a run from others but for the content of files: as far as that goes, equal texts give equal results.
  package var identityText: String { RunIdentity(self, dataSHA256: "").text }

  private var methodText: String? { precision == .full ? nil : method.rawValue }
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
