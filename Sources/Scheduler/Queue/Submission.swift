/// Jobs that were submitted together, and all that is needed to run them after a restart.
package struct Submission: Sendable, Codable, Hashable {
  package let name: String
  /// What was submitted, byte for byte; nil in journals of earlier versions, which left it to who runs the jobs.
  package let payload: String?
  /// What its owner wants to be told with the payload; nil for nothing.
  package let note: String?
  /// Where the payload's relative paths begin.
  package let folder: String
  /// The jobs, in the order they begin.
  package internal(set) var jobs: [JobDescription]
  package let priority: Int
  package let maxRetries: Int
  /// Tells equal payloads from others, whatever their spelling.
  package let fingerprint: String
  /// Whether the jobs may take over what equal ones have done.
  package let reuses: Bool
  /// Whether whoever runs the jobs has made a place for them.
  package internal(set) var isPlaced = false
  /// Whether what follows the end of its last job has been done: nobody needs to look at it any more.
  package internal(set) var isConcluded = false

  package init(
    name: String, payload: String?, note: String? = nil, folder: String, jobs: [JobDescription],
    priority: Int, maxRetries: Int, fingerprint: String, reuses: Bool = true, isPlaced: Bool = false
  ) {
    self.note = note
    self.reuses = reuses
    self.isPlaced = isPlaced
    self.name = name
    self.payload = payload
    self.folder = folder
    self.jobs = jobs
    self.priority = priority
    self.maxRetries = maxRetries
    self.fingerprint = fingerprint
  }

  private enum CodingKeys: CodingKey {
    case name, payload, note, folder, jobs, priority, maxRetries, fingerprint, reuses, isPlaced, isConcluded
  }

  /// Journals of earlier versions have no `isPlaced`: there the payload is gone with the placing.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    payload = try container.decodeIfPresent(String.self, forKey: .payload)
    note = try container.decodeIfPresent(String.self, forKey: .note)
    folder = try container.decode(String.self, forKey: .folder)
    jobs = try container.decode([JobDescription].self, forKey: .jobs)
    priority = try container.decode(Int.self, forKey: .priority)
    maxRetries = try container.decode(Int.self, forKey: .maxRetries)
    fingerprint = try container.decode(String.self, forKey: .fingerprint)
    reuses = try container.decodeIfPresent(Bool.self, forKey: .reuses) ?? true
    isPlaced = try container.decodeIfPresent(Bool.self, forKey: .isPlaced) ?? (payload == nil)
    isConcluded = try container.decodeIfPresent(Bool.self, forKey: .isConcluded) ?? false
  }

  package var jobIDs: [JobID] { jobs.map { JobID(submission: name, job: $0.name) } }
}

/// A job as it was submitted.
package struct JobDescription: Sendable, Hashable {
  package let name: String
  /// What its owner wants to say of it before it has begun: few pairs, in an array since there are many jobs.
  private let labels: [Label]

  private struct Label: Sendable, Hashable {
    let key: String
    let value: String
  }

  package init(_ name: String, labels: KeyValuePairs<String, String> = [:]) {
    self.name = name
    // In the order of their keys, as they come back from a file: equal descriptions are to be equal.
    self.labels = labels.map { Label(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
  }

  package subscript(label: String) -> String? { labels.first { $0.key == label }?.value }
}

extension JobDescription: Codable {
  private enum CodingKeys: CodingKey {
    case name, labels
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    labels = try container.decode([String: String].self, forKey: .labels)
      .map { Label(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(
      Dictionary(labels.map { ($0.key, $0.value) }) { first, _ in first }, forKey: .labels)
  }
}

/// A job's name: its submission's and its own, written `submission/job`.
package struct JobID: Hashable, Sendable, Codable, CustomStringConvertible {
  package let submission: String
  package let job: String

  package init(submission: String, job: String) {
    self.submission = submission
    self.job = job
  }

  package var description: String { "\(submission)/\(job)" }
}
