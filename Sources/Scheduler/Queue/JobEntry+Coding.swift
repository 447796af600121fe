/// A job's entry as the journal keeps it, since the first version: a status by its name, and what belongs to it beside it.
///
/// What is missing is as in a new entry: journals of earlier versions have fewer members.
extension JobEntry: Codable {
  private enum Standing: Codable {
    case queued, running, paused
    case ended(JobEnd)
  }

  private enum CodingKeys: CodingKey {
    case status, sequence, hasBegun, beginsFromNothing, isOnceMore, isBeingCancelled, isRestart, deaths
    case progressAtDeath, retries, problem
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func isSet(_ key: CodingKeys) throws -> Bool {
      try container.decodeIfPresent(Bool.self, forKey: key) ?? false
    }
    let start: JobStart =
      if try isSet(.beginsFromNothing) { .fromNothing } else if try isSet(.isOnceMore) {
        .onceMore
      } else if try isSet(.hasBegun) { .goesOn } else { .first }
    sequence = try container.decode(Int.self, forKey: .sequence)
    status =
      switch try container.decode(Standing.self, forKey: .status) {
      case .queued: .queued(start)
      case .running: .running(isBeingCancelled: try isSet(.isBeingCancelled))
      case .paused: .paused(start)
      case .ended(let end): .ended(end)
      }
    isRestart = try isSet(.isRestart)
    deaths = try container.decodeIfPresent(Int.self, forKey: .deaths) ?? 0
    progressAtDeath = try container.decodeIfPresent(Int.self, forKey: .progressAtDeath)
    retries = try container.decodeIfPresent(Int.self, forKey: .retries) ?? 0
    problem = try container.decodeIfPresent(String.self, forKey: .problem)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let standing: Standing =
      switch status {
      case .queued: .queued
      case .running: .running
      case .paused: .paused
      case .ended(let end): .ended(end)
      }
    try container.encode(standing, forKey: .status)
    try container.encode(sequence, forKey: .sequence)
    try container.encode(hasFiles, forKey: .hasBegun)
    try container.encode(status.start == .fromNothing, forKey: .beginsFromNothing)
    try container.encode(status.start == .onceMore, forKey: .isOnceMore)
    try container.encode(status.isBeingCancelled, forKey: .isBeingCancelled)
    try container.encode(isRestart, forKey: .isRestart)
    try container.encode(deaths, forKey: .deaths)
    try container.encodeIfPresent(progressAtDeath, forKey: .progressAtDeath)
    try container.encode(retries, forKey: .retries)
    try container.encodeIfPresent(problem, forKey: .problem)
  }
}
