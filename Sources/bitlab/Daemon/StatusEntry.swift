import Experiments
import JSON
import Scheduler

/// A run as `status` shows it: its record's keys, and why it waits.
struct StatusEntry: Sendable {
  var record: RunRecord
  var waitingFor: String?
  var imagesPerSecond: Double?
  var totalSteps: Int?

  /// A run that has no record yet.
  init(_ id: JobID, _ job: JobDescription?, configHash: String) {
    record = RunRecord(
      experiment: id.submission, run: id.job, variant: job?["variant"] ?? "",
      seed: Int(job?["seed"] ?? "") ?? 0,
      bits: Int(job?["bits"] ?? "") ?? 32, method: job?["method"].flatMap { $0.isEmpty ? nil : $0 },
      configHash: configHash, parameters: nil, weightBytes: nil)
    if let grid = job?["grid"] {
      record.grid = grid.isEmpty ? [:] : ConfigurationText(parsing: Array(grid.utf8)).root?.value.object
    }
  }

  init(_ record: RunRecord) { self.record = record }

  var name: String { "\(record.experiment)/\(record.run)" }

  /// `run.json`'s keys and `waiting_for`.
  var message: ControlMessage {
    JSONObject(record.members + [.init("waiting_for", .init(waitingFor))])
  }
}
