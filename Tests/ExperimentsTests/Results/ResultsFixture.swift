import Experiments
import Files
import Foundation

/// A folder for one test, removed with the object.
final class ResultsFixture {
  let path: String
  let files = POSIXFileSystem()

  init() throws {
    path = NSTemporaryDirectory() + "/bitlab-results-" + UUID().uuidString
    try files.createFolders(path)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { FilePath.join(path, name) }
  func text(_ name: String) throws -> String { try files.readText(file(name)) }
  func put(_ text: String, as name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
  }
}

extension RunRecord {
  /// A run of an experiment named `mnist`.
  static func sample(
    _ variant: String = "2-bit", bits: Int = 2, seed: Int = 0, status: RunStatus = .completed,
    accuracy: Double? = nil, loss: Double? = nil, seconds: Double? = nil
  ) -> RunRecord {
    var record = RunRecord(
      experiment: "mnist", run: "\(variant)-seed\(seed)", variant: variant, seed: seed, bits: bits,
      method: "simple-bitnet", status: status, configHash: "abc123", parameters: 101_990,
      weightBytes: bits == 32 ? 407_920 : 26_084)
    record.finalValidationAccuracy = accuracy
    record.bestValidationAccuracy = accuracy
    record.finalValidationLoss = loss
    record.trainSeconds = seconds
    return record
  }
}
