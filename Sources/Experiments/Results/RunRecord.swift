import Files
import Foundation
import JSON

/// A run's `run.json`: what it is, where it stands and what came out of it.
///
/// What is not known, not yet or not at all, is `nil` and `null` in the file; so are numbers that are not
/// finite, for which JSON has no word.
package struct RunRecord: Hashable, Sendable, Decodable {
  package var experiment: String
  /// The run's id: the name of its folder.
  package var run: String
  package var variant: String
  package var seed: Int
  package var bits: Int
  package var method: String?
  package var status: RunStatus
  /// Why it failed, for people.
  package var error: String?
  package var configHash: String
  /// `nil` where the run failed before its data were known.
  package var parameters: Int?
  /// Quantized matrices as packed, with their scales, and all else at 4 bytes a value.
  package var weightBytes: Int?
  /// As of the last row of the curve or the last checkpoint, whichever is newer.
  package var epoch: Int = 0
  package var step: Int = 0
  package var finalValidationAccuracy: Double?
  package var finalValidationLoss: Double?
  package var bestValidationAccuracy: Double?
  package var bestEpoch: Int?
  /// ISO 8601, UTC; see `timestamp`.
  package var started: String?
  package var ended: String?
  /// Training alone, over all its stretches.
  package var trainSeconds: Double?
  package var host: String?
  package var cpu: String?
  package var threads: Int?
  package var bitlabVersion: String?
  package var swiftVersion: String?
  /// What decides the results' bytes: see `RunIdentity`. nil where the run failed before its data were known.
  package var runHash: String?
  /// Of the data trained on: see `DatasetContent.sha256`.
  package var dataSHA256: String?
  /// The key of what ended the run before its last step; nil where it got there, or early stopping ended it.
  package var stoppedBy: String?
  /// The run whose results these are, as `experiment/run`; nil where the run was trained.
  package var reusedFrom: String?
  /// CRC-32 of the files that depend on config, data and seed alone, by name, 8 hexadecimal digits each; nil before the run has
  /// completed, and in records from before there were any.
  package var checksums: [String: String]?

  /// The run's grid point, and all its settings with their defaults, by dotted keys; nil in records from before there were any,
  /// and before the run has begun.
  package var grid: JSONObject?
  package var settings: JSONObject?

  package static let timeLimit = "time_limit_seconds"

  package init(
    experiment: String, run: String, variant: String, seed: Int, bits: Int, method: String?,
    status: RunStatus = .queued, configHash: String, parameters: Int?, weightBytes: Int?
  ) {
    self.experiment = experiment
    self.run = run
    self.variant = variant
    self.seed = seed
    self.bits = bits
    self.method = method
    self.status = status
    self.configHash = configHash
    self.parameters = parameters
    self.weightBytes = weightBytes
  }

  private enum CodingKeys: String, CodingKey {
    case experiment, run, variant, seed, bits, method, status, error
    case configHash = "config_hash"
    case parameters
    case weightBytes = "weight_bytes"
    case epoch, step
    case finalValidationAccuracy = "final_val_accuracy"
    case finalValidationLoss = "final_val_loss"
    case bestValidationAccuracy = "best_val_accuracy"
    case bestEpoch = "best_epoch"
    case started, ended
    case trainSeconds = "train_seconds"
    case host, cpu, threads
    case bitlabVersion = "bitlab_version"
    case swiftVersion = "swift_version"
    case runHash = "run_hash"
    case stoppedBy = "stopped_by"
    case dataSHA256 = "data_sha256"
    case reusedFrom = "reused_from"
    case checksums = "crc32"
  }
}

extension RunRecord {
  /// Whether there is something of the run that settings have decided; a run that failed before its data were known, or was
  /// cancelled before it began, has only a record.
  package var hasBegun: Bool { runHash != nil || step > 0 || status == .completed || status == .diverged }

  /// Takes note of an end that comes from outside of the run.
  package mutating func end(_ status: RunStatus, problem: String?) {
    self.status = status
    error = problem
    ended = Self.timestamp(Date())
  }

  /// The file's members in their order, to which others can be added.
  package var members: [JSONMember] {
    func member(_ key: CodingKeys, _ value: JSONValue) -> JSONMember { .init(key.rawValue, value) }
    return [
      member(.experiment, .string(experiment)), member(.run, .string(run)),
      member(.variant, .string(variant)), member(.seed, .integer(seed)), member(.bits, .integer(bits)),
      member(.method, .init(method)), member(.status, .string(status.rawValue)),
      member(.error, .init(error?.cut())),
      member(.configHash, .string(configHash)), member(.parameters, .init(parameters)),
      member(.weightBytes, .init(weightBytes)), member(.epoch, .integer(epoch)),
      member(.step, .integer(step)), member(.finalValidationAccuracy, .init(finalValidationAccuracy)),
      member(.finalValidationLoss, .init(finalValidationLoss)),
      member(.bestValidationAccuracy, .init(bestValidationAccuracy)), member(.bestEpoch, .init(bestEpoch)),
      member(.started, .init(started)), member(.ended, .init(ended)),
      member(.trainSeconds, .init(trainSeconds)), member(.host, .init(host)), member(.cpu, .init(cpu)),
      member(.threads, .init(threads)), member(.bitlabVersion, .init(bitlabVersion)),
      member(.swiftVersion, .init(swiftVersion)), member(.runHash, .init(runHash)),
      member(.reusedFrom, .init(reusedFrom)), member(.stoppedBy, .init(stoppedBy)),
      member(.dataSHA256, .init(dataSHA256)), .init("grid", grid.map(JSONValue.object) ?? .null),
      .init("settings", settings.map(JSONValue.object) ?? .null), member(.checksums, checksumMembers),
    ]
  }

  private var checksumMembers: JSONValue {
    guard let checksums else { return .null }
    return .object(
      JSONObject(checksums.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) }))
  }

  /// Takes note of a file's checksum.
  mutating func setChecksum(_ checksum: UInt32?, of path: String) {
    guard let checksum else { return }
    checksums = checksums ?? [:]
    checksums?[FilePath.name(of: path)] = CRC32.text(checksum)
  }

  /// Whether a file of the run has these bytes, as far as the record can say.
  func accepts(_ bytes: [UInt8], of path: String) -> Bool {
    guard let checksum = checksums?[FilePath.name(of: path)] else { return true }
    return CRC32.text(bytes.withUnsafeBytes { CRC32.checksum(of: $0) }) == checksum
  }

  /// The file's text.
  package var json: String { JSONObject(members).pretty + "\n" }

  /// Writes the file durably. Throws `FileError`.
  package func write(to path: String, in fileSystem: any FileSystem) throws {
    try DurableFile.write(json, to: path, in: fileSystem)
  }

  /// Reads a file; keys it does not know are passed over. Throws `FileError`, or `FileContentError` for a
  /// file that is not a run's record.
  package init(reading path: String, in fileSystem: any FileSystem) throws {
    let bytes = try fileSystem.readAll(path)
    do {
      self = try JSONDecoder().decode(RunRecord.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw FileContentError(
        path: path, problem: "is not the record of a run: \(Self.describe(error))",
        remedy: "put the file back as it was, or remove it to run the run again")
    }
    // Kept as they are spelled, whatever they are.
    let content = JSONParser.parse(bytes, as: Self.syntax).value?.object
    grid = content?["grid"]?.object
    settings = content?["settings"]?.object
  }

  private static let syntax: JSONSyntax = {
    var syntax = JSONSyntax()
    syntax.numbers = .asSpelled
    syntax.duplicateKeys = .reported
    return syntax
  }()

  /// A moment as files spell it: `2025-01-31T23:59:58Z`.
  package static func timestamp(_ date: Date) -> String {
    date.formatted(.iso8601)
  }

  /// Takes what a plan says of its run.
  package mutating func describe(_ plan: RunPlan) {
    grid = plan.grid
    settings = plan.settings.json.object
  }

  private static func describe(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, _): "\(key.stringValue) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\(context.codingPath.last?.stringValue ?? "the whole") has a value of another kind"
    case .dataCorrupted(let context):
      context.codingPath.last.map { "\($0.stringValue) has an impossible value" } ?? "not JSON"
    @unknown default: "\(error)"
    }
  }
}

/// Where a run stands; the raw value is what files and the command line say.
package enum RunStatus: String, Codable, Sendable, Hashable, CaseIterable {
  case queued
  case running
  case paused
  case completed
  case failed
  /// A loss was not finite.
  case diverged
  case cancelled

  /// Nothing more happens by itself.
  package var hasEnded: Bool {
    switch self {
    case .queued, .running, .paused: false
    case .completed, .failed, .diverged, .cancelled: true
    }
  }

  /// Failed in the summary's sense.
  package var hasFailed: Bool { self == .failed || self == .diverged }
}
