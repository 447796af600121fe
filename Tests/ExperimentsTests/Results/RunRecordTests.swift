import Experiments
import Files
import Foundation
import JSON
import Testing

struct RunRecordTests {
  /// A record of an earlier version may hold megabytes: neither a new file nor an answer of the daemon does.
  @Test func theErrorIsBounded() throws {
    var record = RunRecord(
      experiment: "e", run: "r", variant: "v", seed: 0, bits: 32, method: nil, configHash: "",
      parameters: nil,
      weightBytes: nil)
    record.error = "weights: \u{1B}[2J" + String(repeating: "1, ", count: 1_000_000)
    #expect(record.json.utf8.count < 4_000)
    #expect(record.json.contains(#"weights: \u001b[2J1, 1, "#))
    let failure = RunFailure(kind: .content, record.error!)
    #expect(failure.description.utf8.count <= String.longestMessage && failure.description.hasSuffix("…"))
    #expect(failure.description.hasPrefix(#"weights: \u001b[2J1, 1, "#))
  }

  private let golden = """
    {
      "experiment": "mnist",
      "run": "2-bit-seed1",
      "variant": "2-bit",
      "seed": 1,
      "bits": 2,
      "method": "simple-bitnet",
      "status": "failed",
      "error": "cannot write \\"a\\\\b\\":\\n\\tfull \\u0001é",
      "config_hash": "abc123",
      "parameters": 101990,
      "weight_bytes": 26084,
      "epoch": 2,
      "step": 938,
      "final_val_accuracy": 0.1,
      "final_val_loss": null,
      "best_val_accuracy": 0.5,
      "best_epoch": 1,
      "started": "2001-09-09T01:46:40Z",
      "ended": null,
      "train_seconds": 1e-05,
      "host": "h",
      "cpu": "c",
      "threads": 2,
      "bitlab_version": "1.0",
      "swift_version": "6.3",
      "run_hash": "h",
      "reused_from": "o/r",
      "stopped_by": "time_limit_seconds",
      "data_sha256": "d",
      "grid": {
        "training.learning_rate": 1.0,
        "model.initialization": "uniform"
      },
      "settings": null,
      "crc32": {
        "curve.csv": "00000001",
        "model.safetensors": "fffffffe"
      }
    }

    """

  private var record: RunRecord {
    var record = RunRecord.sample(seed: 1, status: .failed, accuracy: 0.1, loss: .infinity, seconds: 1e-5)
    record.error = "cannot write \"a\\b\":\n\tfull \u{1}é"
    record.epoch = 2
    record.step = 938
    record.bestValidationAccuracy = 0.5
    record.bestEpoch = 1
    record.started = RunRecord.timestamp(Date(timeIntervalSince1970: 1_000_000_000.75))
    record.host = "h"
    record.cpu = "c"
    record.threads = 2
    record.bitlabVersion = "1.0"
    record.swiftVersion = "6.3"
    record.runHash = "h"
    record.reusedFrom = "o/r"
    record.dataSHA256 = "d"
    record.stoppedBy = "time_limit_seconds"
    record.grid = [
      "training.learning_rate": .numeral(JSONNumeral("1.0")!), "model.initialization": "uniform",
    ]
    record.checksums = ["model.safetensors": "fffffffe", "curve.csv": "00000001"]
    return record
  }

  @Test func isWrittenInTheContractsOrderAndReadsBack() throws {
    let folder = try ResultsFixture()
    try record.write(to: folder.file("run.json"), in: folder.files)
    #expect(try folder.text("run.json") == golden)
    var expected = record
    expected.finalValidationLoss = nil
    #expect(try RunRecord(reading: folder.file("run.json"), in: folder.files) == expected)
  }

  @Test(arguments: RunStatus.allCases)
  func everyStatusReadsBack(status: RunStatus) throws {
    let folder = try ResultsFixture()
    let record = RunRecord.sample(status: status)
    try record.write(to: folder.file("run.json"), in: folder.files)
    #expect(try RunRecord(reading: folder.file("run.json"), in: folder.files) == record)
  }

  @Test(arguments: [
    ("", "not JSON"), ("[]", "the whole has a value of another kind"),
    ("{\"experiment\": \"a\"}", "run is missing"),
  ])
  func anotherFileIsRefused(text: String, problem: String) throws {
    let folder = try ResultsFixture()
    try folder.put(text, as: "run.json")
    let error = #expect(throws: FileContentError.self) {
      try RunRecord(reading: folder.file("run.json"), in: folder.files)
    }
    #expect(error?.problem == "is not the record of a run: \(problem)")
  }

  @Test func aCutFileIsRefused() throws {
    let folder = try ResultsFixture()
    for count in 0..<golden.count - 2 {
      try folder.put(String(golden.prefix(count)), as: "run.json")
      #expect(throws: FileContentError.self) {
        try RunRecord(reading: folder.file("run.json"), in: folder.files)
      }
    }
  }

  @Test func anUnknownStatusIsNamed() throws {
    let folder = try ResultsFixture()
    try folder.put(golden.replacing("\"failed\"", with: "\"lost\""), as: "run.json")
    let error = #expect(throws: FileContentError.self) {
      try RunRecord(reading: folder.file("run.json"), in: folder.files)
    }
    #expect(error?.problem == "is not the record of a run: status has an impossible value")
  }
}
