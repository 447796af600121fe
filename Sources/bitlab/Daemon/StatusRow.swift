import Experiments
import Files
import JSON
import Scheduler

/// A run as people see it in a table: the few things that fit into a line.
struct StatusRow: Sendable {
  var experiment: String
  var run: String
  var status: RunStatus
  var epoch = 0
  var step = 0
  var totalSteps: Int?
  var validationAccuracy: Double?
  var imagesPerSecond: Double?
  /// Why it waits, or what went wrong.
  var remark: String?

  var name: String { "\(experiment)/\(run)" }

  /// A run that has not begun.
  init(_ id: JobID, _ status: JobStatus, remark: String?) {
    experiment = id.submission
    run = id.job
    self.status = RunStatus(status)
    self.remark = remark
  }

  init(_ entry: StatusEntry) {
    experiment = entry.record.experiment
    run = entry.record.run
    status = entry.record.status
    epoch = entry.record.epoch
    step = entry.record.step
    totalSteps = entry.totalSteps
    validationAccuracy = entry.record.finalValidationAccuracy
    imagesPerSecond = entry.imagesPerSecond
    remark = entry.waitingFor ?? entry.record.error
  }

  /// Rows that one response holds: with the longest remarks still far from what a response may have.
  static let mostInResponse = 200
  private static let mostOfRemark = 400

  /// The row as a daemon sends it, its values in their order and without their names: there may be thousands. A long
  /// remark is cut; the run's record has it whole.
  var value: JSONValue {
    .array([
      .string(experiment), .string(run), .string(status.rawValue), .integer(epoch), .integer(step),
      totalSteps.map { .integer($0) } ?? .null, validationAccuracy.map { .number($0) } ?? .null,
      imagesPerSecond.map { .number($0) } ?? .null,
      remark.map { .string($0.inMessage(upTo: Self.mostOfRemark)) } ?? .null,
    ])
  }

  /// nil for what is not such a row.
  init?(_ value: JSONValue) {
    guard let values = value.array, values.count == 9, let experiment = values[0].string,
      let run = values[1].string, let status = values[2].string.flatMap(RunStatus.init(rawValue:)),
      let epoch = values[3].integer,
      let step = values[4].integer
    else { return nil }
    self.experiment = experiment
    self.run = run
    self.status = status
    self.epoch = epoch
    self.step = step
    totalSteps = values[5].integer
    validationAccuracy = values[6].number
    imagesPerSecond = values[7].number
    remark = values[8].string
  }

  /// The rows in a daemon's responses.
  static func rows(in messages: [ControlMessage]) -> [StatusRow] {
    messages.flatMap { ($0["rows"]?.array ?? []).compactMap { StatusRow($0) } }
  }
}
