import Experiments
import Scheduler

/// A run as people see it in a table: the few things that fit into a line.
struct StatusRow: Sendable {
  var experiment: String
  var run: String
  var status: String
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
    self.status = status.name
    self.remark = remark
  }

  init(_ entry: StatusEntry) {
    experiment = entry.record.experiment
    run = entry.record.run
    status = entry.record.status.rawValue
    epoch = entry.record.epoch
    step = entry.record.step
    totalSteps = entry.totalSteps
    validationAccuracy = entry.record.finalValidationAccuracy
    imagesPerSecond = entry.imagesPerSecond
    remark = entry.waitingFor ?? entry.record.error
  }

  /// The row as a daemon sends it. What is not known is left out: there may be thousands.
  var message: ControlMessage {
    var message: ControlMessage = [
      "experiment": .string(experiment), "run": .string(run), "status": .string(status),
    ]
    if epoch > 0 { message["epoch"] = .integer(epoch) }
    if step > 0 { message["step"] = .integer(step) }
    message["total_steps"] = totalSteps.map { .integer($0) }
    message["final_val_accuracy"] = validationAccuracy.map { .number($0) }
    message["images_per_second"] = imagesPerSecond.map { .number($0) }
    message["remark"] = remark.map { .string($0) }
    return message
  }

  init(_ message: ControlMessage) {
    experiment = message["experiment"]?.string ?? ""
    run = message["run"]?.string ?? ""
    status = message["status"]?.string ?? ""
    epoch = message["epoch"]?.integer ?? 0
    step = message["step"]?.integer ?? 0
    totalSteps = message["total_steps"]?.integer
    validationAccuracy = message["final_val_accuracy"]?.number
    imagesPerSecond = message["images_per_second"]?.number
    remark = message["remark"]?.string
  }
}
