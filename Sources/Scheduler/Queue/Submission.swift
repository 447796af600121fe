/// Jobs that were submitted together, and all that is needed to run them after a restart.
package struct Submission: Sendable, Codable, Hashable {
  package let name: String
  /// What was submitted, byte for byte; nil once whoever runs the jobs keeps it elsewhere.
  package var payload: String?
  /// Where the payload's relative paths begin.
  package let folder: String
  /// The jobs, in the order they begin.
  package let jobs: [JobDescription]
  package let priority: Int
  package let maxRetries: Int
  /// Tells equal payloads from others, whatever their spelling.
  package let fingerprint: String

  package init(
    name: String, payload: String?, folder: String, jobs: [JobDescription], priority: Int, maxRetries: Int,
    fingerprint: String
  ) {
    self.name = name
    self.payload = payload
    self.folder = folder
    self.jobs = jobs
    self.priority = priority
    self.maxRetries = maxRetries
    self.fingerprint = fingerprint
  }

  package var jobIDs: [JobID] { jobs.map { JobID(submission: name, job: $0.name) } }
}

/// A job as it was submitted.
package struct JobDescription: Sendable, Codable, Hashable {
  package let name: String
  /// What its owner wants to say of it before it has begun.
  package let labels: [String: String]

  package init(_ name: String, labels: [String: String] = [:]) {
    self.name = name
    self.labels = labels
  }
}
