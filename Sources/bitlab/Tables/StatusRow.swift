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
  var epochs: Int?
  /// Of the epoch that is under way.
  var trainLoss: Double?
  var trainAccuracy: Double?
  /// Training losses so far, for a picture.
  var curve: [Double] = []
  var secondsLeft: Double?

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

  /// A run that trains in this process.
  init(_ experiment: String, _ run: String, _ entry: LiveProgress.Entry?) {
    (self.experiment, self.run, status) = (experiment, run, .running)
    if let entry { add(entry) }
  }

  /// Takes what the process that trains it knows.
  mutating func add(_ entry: LiveProgress.Entry) {
    validationAccuracy = entry.validationAccuracy ?? validationAccuracy
    curve = entry.curve
    secondsLeft = entry.secondsLeft(at: SuspendingClock.now)
    guard let progress = entry.progress else { return }
    (epoch, epochs) = (progress.epoch, progress.epochs)
    (step, totalSteps) = (progress.step, progress.totalSteps)
    (trainLoss, trainAccuracy) = (progress.trainLoss, progress.trainAccuracy)
    imagesPerSecond = progress.imagesPerSecond
  }

  /// Rows that one response holds: with the longest remarks still far from what a response may have.
  static let mostInResponse = 200
  private static let mostOfRemark = 400

  /// The row as a daemon sends it, its values in their order and without their names: there may be thousands. A long
  /// remark is cut; the run's record has it whole.
  var value: JSONValue {
    // What only a run that trains has is left out for the others.
    let live: [JSONValue] =
      status != .running
      ? []
      : [
        .init(epochs), .init(trainLoss), .init(trainAccuracy), .array(curve.map { .number($0) }),
        .init(secondsLeft),
      ]
    return .array(
      [
        .string(experiment), .string(run), .string(status.rawValue), .integer(epoch), .integer(step),
        totalSteps.map { .integer($0) } ?? .null, validationAccuracy.map { .number($0) } ?? .null,
        imagesPerSecond.map { .number($0) } ?? .null,
        remark.map { .string($0.inMessage(upTo: Self.mostOfRemark)) } ?? .null,
      ] + live)
  }

  /// nil for what is not such a row.
  init?(_ value: JSONValue) {
    guard let values = value.array, values.count >= 9, let experiment = values[0].string,
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
    guard values.count >= 14 else { return }
    epochs = values[9].integer
    trainLoss = values[10].number
    trainAccuracy = values[11].number
    curve = (values[12].array ?? []).map { $0.number ?? .nan }
    secondsLeft = values[13].number
  }

  /// The rows in a daemon's responses.
  static func rows(in messages: [ControlMessage]) -> [StatusRow] {
    messages.flatMap { ($0["rows"]?.array ?? []).compactMap { StatusRow($0) } }
  }
}
