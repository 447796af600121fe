import Experiments
import Files
import Scheduler

/// Turns configs into submissions: finds each its name, and recognizes those that were there before.
///
/// For one thread at a time, between whose calls nobody else submits.
final class SubmissionDesk {
  /// What became of a config.
  enum Verdict {
    /// New, or known to the results folder alone: to be submitted.
    case new(Submission, note: String?)
    /// The same experiment is in the queue.
    case known(String)
    /// What is wrong with it, as `bitlab validate` says it.
    case refused(String)
  }

  /// A submission is one record of the journal, whose size is bounded.
  private static let mostRuns = 5_000

  private let results: ResultsFolder
  private let files: any FileSystem
  private let find: (String) -> Submission?
  /// Names taken by submissions of this batch.
  private var taken: [String: Submission] = [:]

  /// - Parameter find: the queue's submission of a name.
  init(_ results: ResultsFolder, files: any FileSystem, find: @escaping (String) -> Submission?) {
    self.results = results
    self.files = files
    self.find = find
  }

  func judge(_ file: ConfigurationFile) -> Verdict {
    let experiment: Experiment
    do {
      experiment = try Experiment(file)
    } catch {
      return .refused("\(error)")
    }
    let runs = Plan(experiment).runs
    guard runs.count <= Self.mostRuns else {
      return .refused(
        "\(file.path): error: the plan has \(runs.count) runs, the queue takes \(Self.mostRuns) of one config: split it"
      )
    }
    let fingerprint = placement.fingerprint(experiment, file)
    var number = 1
    while true {
      let name = number == 1 ? experiment.name : "\(experiment.name)-\(number)"
      if let other = taken[name] ?? find(name) {
        if other.fingerprint == fingerprint { return .known(name) }
      } else if isFree(name, for: experiment, file) {
        let submission = Submission(
          name: name, payload: String(decoding: file.bytes, as: UTF8.self), folder: file.folder,
          jobs: runs.map(Self.describe), priority: experiment.priority, maxRetries: experiment.maxRetries,
          fingerprint: fingerprint)
        taken[name] = submission
        let note =
          number == 1
          ? nil : "\(experiment.name): results of another config have that name; these go to \(name)"
        return .new(submission, note: note)
      }
      number += 1
    }
  }

  static func describe(_ run: RunPlan) -> JobDescription {
    JobDescription(
      run.id,
      labels: [
        "variant": run.variant, "seed": String(run.seed), "bits": String(run.precision.rawValue),
        "method": run.precision == .full ? "" : run.method.rawValue,
      ])
  }

  /// Forgets the batch: it is in the queue, or was not taken.
  func endBatch() { taken = [:] }

  /// Whether nobody else's results are in the folder of that name.
  private func isFree(_ name: String, for experiment: Experiment, _ file: ConfigurationFile) -> Bool {
    let folder = results.experiment(name)
    guard files.exists(folder.path) else { return true }
    return placement.holds(experiment, file, folder) || placement.isUnfinished(folder)
  }

  private var placement: ExperimentPlacement { ExperimentPlacement(results: results, files: files) }
}

extension Submission {
  /// The config's hash, which its fingerprint begins with.
  var configHash: String { String(fingerprint.prefix { $0 != " " }) }
}
