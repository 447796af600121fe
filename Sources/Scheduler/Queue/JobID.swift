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
