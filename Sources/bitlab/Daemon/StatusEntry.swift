import Experiments
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
  }

  init(_ record: RunRecord) { self.record = record }

  var name: String { "\(record.experiment)/\(record.run)" }

  /// `run.json`'s keys and `waiting_for`.
  var json: OrderedJSON { .object(record.members + [.init("waiting_for", .init(waitingFor))]) }

  /// The same as a message.
  var message: ControlMessage {
    guard case .object(let members) = json else { return [:] }
    return ControlMessage(members.map { ($0.key, ControlValue($0.value)) })
  }
}

extension ControlValue {
  init(_ json: OrderedJSON) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .number(value)
    case .numeral(let text): self = Double(text).map(ControlValue.number) ?? .string(text)
    case .string(let text): self = .string(text)
    case .array(let values): self = .array(values.map { ControlValue($0) })
    case .object(let members):
      self = .object(ControlMessage(members.map { ($0.key, ControlValue($0.value)) }))
    }
  }

  var orderedJSON: OrderedJSON {
    switch self {
    case .null: .null
    case .bool(let value): .bool(value)
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .string(let text): .string(text)
    case .array(let values): .array(values.map(\.orderedJSON))
    case .object(let message): message.orderedJSON
    }
  }
}

extension ControlMessage {
  var orderedJSON: OrderedJSON { .object(members.map { .init($0.key, $0.value.orderedJSON) }) }
}
