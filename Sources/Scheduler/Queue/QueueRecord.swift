import Files
import Foundation

/// One thing that happened to the queue, as the journal keeps it: the queue's state is what its records add up to.
package enum QueueRecord: Sendable, Hashable, Codable {
  case submitted(Submission)
  /// Jobs that have ended before, and that the submission has or had, are queued once more: to go on, or from nothing.
  case added(String, [JobDescription], beginFromNothing: Bool)
  /// The submission has another payload from now on, and these jobs of it are queued: new ones, and ones that have ended before.
  /// Its other jobs stay as they are.
  case grown(Submission)
  /// The submission's jobs have a place now.
  case placed(String)
  case began(JobID)
  /// The job was stopped by a shutdown, or for want of room; it goes on when it can.
  case requeued(JobID, problem: String?)
  case retried(JobID, problem: String)
  case paused(JobID)
  case resumed(JobID)
  /// Somebody asked to cancel a running job.
  case cancelRequested(JobID)
  case ended(JobID, JobEnd)
  /// A job that failed or was cancelled goes on from where it was left, behind those that wait.
  case continued(JobID)
  /// The job begins again from nothing, behind those that wait.
  case restarted(JobID)
  /// The process died while the job ran; `progress` is how far it was.
  case died(JobID, progress: Int?)
  /// The job has got on, and kept what it did, since the process last died while it ran.
  case progressed(JobID)
  /// What follows the end of a submission's last job has been done. Of earlier versions; `forgotten` says it now.
  case concluded(String)
  /// What follows the end of a submission's last job has been done, and the queue need not know of it any more.
  case forgotten(String)
  /// Somebody has removed what a submission's jobs did: nothing is remembered of it.
  case removed(String)
  /// Everything before is forgotten: a snapshot follows, a `restored` for each submission.
  case cleared(nextSequence: Int)
  /// A submission, with the entries of its first jobs in its order; `standings` of the others follow.
  case restored(Submission, [JobEntry])
  /// The entries of a submission's jobs from one on: there may be too many for one record.
  case standings(String, from: Int, [JobEntry])
  /// The jobs that ended last, the newest at the end.
  case remembered([EndedJob])

  /// The record as the journal keeps it. Throws `QueueRecordTooLong`.
  package func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let bytes = Array(try encoder.encode(self))
    guard bytes.count <= Journal.maximumRecordBytes else { throw QueueRecordTooLong(count: bytes.count) }
    return bytes
  }

  /// Reads a record. Throws `DecodingError` for what is none, or of a later version.
  package init(decoding bytes: [UInt8]) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(bytes))
  }
}

extension QueueRecord {
  /// The jobs whose standing it changes. A snapshot's records stand for a state that is there already: none.
  var jobs: [JobID] {
    switch self {
    case .submitted(let submission), .grown(let submission):
      submission.jobs.map { JobID(submission: submission.name, job: $0.name) }
    case .added(let name, let descriptions, _):
      descriptions.map { JobID(submission: name, job: $0.name) }
    case .placed, .concluded, .forgotten, .removed, .cleared, .restored, .standings, .remembered: []
    case .began(let id), .requeued(let id, _), .retried(let id, _), .paused(let id), .resumed(let id),
      .cancelRequested(let id), .ended(let id, _), .continued(let id), .restarted(let id), .died(let id, _),
      .progressed(let id):
      [id]
    }
  }
}

/// A record that the journal cannot hold: a submission of too many jobs.
package struct QueueRecordTooLong: Error, CustomStringConvertible {
  let count: Int

  package var description: String {
    "the submission takes \(count) bytes of the journal, at most \(Journal.maximumRecordBytes) can be: submit fewer jobs at once"
  }
}

extension QueueState {
  /// What a journal's records add up to.
  ///
  /// - Parameter passedOver: gets a line for each record that says nothing, or does not fit, and is left out.
  package init(replaying records: [[UInt8]], passedOver: (String) -> Void = { _ in }) {
    self.init()
    for (index, bytes) in records.enumerated() {
      let record = try? QueueRecord(decoding: bytes)
      if let record, apply(record) || isSecondEnd(record) { continue }
      let problem = record == nil ? "is of another version" : "does not fit what was before"
      passedOver("the journal's record \(index) \(problem): passed over")
    }
  }

  /// Journals of earlier versions say of a job that was paused and cancelled that it has ended, and then how its last attempt
  /// did.
  private func isSecondEnd(_ record: QueueRecord) -> Bool {
    if case .ended(let id, _) = record { jobs[id]?.status.hasEnded ?? false } else { false }
  }
}
