import Dispatch
import Experiments
import Files
import Scheduler
import Synchronization

/// Turns configs into submissions: finds each its name, and recognizes those that were there before.
///
/// For one thread at a time, between whose calls nobody else submits.
final class SubmissionDesk {
  /// What became of a config.
  enum Verdict {
    /// To be submitted.
    case new(Submission, note: String?)
    /// The same experiment is there, of which the queue has forgotten these runs, that have not got to their end.
    case continued(Submission)
    /// The same experiment is in the queue, or all its runs have got to their end.
    case known(String)
    /// What is wrong with it, as `bitlab validate` says it.
    case refused(String)
  }

  private static let mostRuns = 5_000

  private let results: ResultsFolder
  private let files: any FileSystem
  private let find: (String) -> Submission?
  private let canTake: (String) -> Bool
  /// Names taken by submissions of this batch.
  private var taken: [String: Submission] = [:]

  /// - Parameters:
  ///   - find: the queue's submission of a name.
  ///   - canTake: whether the queue takes one of that name, since all runs of the one it has have ended.
  init(
    _ results: ResultsFolder, files: any FileSystem, find: @escaping (String) -> Submission?,
    canTake: @escaping (String) -> Bool
  ) {
    self.results = results
    self.files = files
    self.find = find
    self.canTake = canTake
  }

  /// A config, taken apart as far as nothing else matters.
  struct Read: Sendable {
    var file: ConfigurationFile
    /// The runs, and what tells the experiment from others; or what is wrong with the config.
    var result: Result<(experiment: Experiment, runs: [RunPlan], fingerprint: String), Refusal>
  }

  /// What is wrong with a config, as `bitlab validate` says it.
  struct Refusal: Error {
    var text: String
  }

  /// Reads configs, which is most of the work, on all cores.
  static func read(_ files: [ConfigurationFile]) -> [Read] {
    let results = Mutex<[Int: Read]>([:])
    DispatchQueue.concurrentPerform(iterations: files.count) { index in
      let read = read(files[index])
      results.withLock { $0[index] = read }
    }
    let inOrder = results.withLock { $0 }
    return files.indices.map { inOrder[$0]! }
  }

  private static func read(_ file: ConfigurationFile) -> Read {
    do {
      let experiment = try Experiment(file)
      let runs = Plan(experiment).runs
      guard runs.count <= mostRuns else {
        throw Refusal(
          text:
            "\(file.path): error: the plan has \(runs.count) runs, the queue takes \(mostRuns) of one config: split it"
        )
      }
      let fingerprint = ExperimentPlacement.fingerprint(experiment, file)
      return Read(file: file, result: .success((experiment, runs, fingerprint)))
    } catch let refusal as Refusal {
      return Read(file: file, result: .failure(refusal))
    } catch {
      return Read(file: file, result: .failure(Refusal(text: "\(error)")))
    }
  }

  func judge(_ read: Read) -> Verdict {
    let file = read.file
    let (experiment, runs, fingerprint): (Experiment, [RunPlan], String)
    switch read.result {
    case .success(let value): (experiment, runs, fingerprint) = value
    case .failure(let refusal): return .refused(refusal.text)
    }
    func submission(_ name: String, of runs: [RunPlan]) -> Submission {
      Submission(
        name: name, payload: String(decoding: file.bytes, as: UTF8.self), folder: file.folder,
        jobs: runs.map { JobDescription($0) }, priority: experiment.priority,
        maxRetries: experiment.maxRetries, fingerprint: fingerprint)
    }
    var number = 1
    while true {
      let name = number == 1 ? experiment.name : "\(experiment.name)-\(number)"
      if let other = taken[name] ?? find(name) {
        if other.fingerprint == fingerprint {
          if taken[name] == nil, hasVanished(name) {
            taken[name] = submission(name, of: runs)
            return .new(taken[name]!, note: nil)
          }
          return .known(name)
        }
      } else if isFree(name, for: experiment, file) {
        let folder = results.experiment(name)
        let isThere = folder.hasConfig
        let pending = isThere ? runs.filter { !hasGotToItsEnd($0, folder, experiment) } : runs
        if pending.isEmpty { return .known(name) }
        let submission = submission(name, of: pending)
        if let problem = Self.sizeProblem(submission) {
          return .refused("\(file.path): error: \(problem)")
        }
        taken[name] = submission
        if isThere { return .continued(submission) }
        let note =
          number == 1
          ? nil : "\(experiment.name): results of another config have that name; these go to \(name)"
        return .new(submission, note: note)
      }
      number += 1
    }
  }

  /// Whether the experiment of a submission has ended and somebody has removed its results: they are wanted anew.
  private func hasVanished(_ name: String) -> Bool {
    canTake(name) && !results.experiment(name).hasConfig
  }

  private func hasGotToItsEnd(_ run: RunPlan, _ folder: ExperimentFolder, _ experiment: Experiment) -> Bool {
    let path = folder.run(run.id).recordFile
    guard files.exists(path), let record = try? RunRecord(reading: path, in: files) else { return false }
    return record.hasGotToItsEnd(experiment.configHash)
  }

  /// Why the queue cannot take a submission: it is one record of the journal, and with its runs' entries one of a snapshot.
  static func sizeProblem(_ submission: Submission) -> String? {
    guard submission.jobs.count <= mostRuns else {
      return "the plan has \(submission.jobs.count) runs, the queue takes \(mostRuns) of one config: split it"
    }
    // Most are far from the bound, and encoding takes its time.
    guard submission.jobs.count > 500 || submission.payload?.utf8.count ?? 0 > 1 << 18 else { return nil }
    let size = (try? QueueRecord.submitted(submission).encoded().count) ?? .max
    guard size > Journal.maximumRecordBytes / 2 else { return nil }
    return "the config and its \(submission.jobs.count) runs are larger than the queue takes of one: split it"
  }

  /// Whether nobody else's results are in the folder of that name.
  private func isFree(_ name: String, for experiment: Experiment, _ file: ConfigurationFile) -> Bool {
    let folder = results.experiment(name)
    guard files.exists(folder.path) else { return true }
    return placement.holds(experiment, file, folder) || placement.isUnfinished(folder)
  }

  private var placement: ExperimentPlacement { ExperimentPlacement(results: results, files: files) }
}
