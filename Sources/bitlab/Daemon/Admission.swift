import Dispatch
import Experiments
import Files
import Scheduler
import Synchronization

/// Turns configs into submissions: finds each its name, and recognizes those that were there before.
///
/// For one thread at a time, between whose calls nobody else submits.
final class Admission {
  /// What became of a config.
  enum Verdict {
    /// To be submitted.
    case new(Submission, PlacedExperiment, note: String?)
    /// The same experiment is there, of which the queue has forgotten these runs, that have not got to their end.
    case continued(Submission)
    /// An experiment that is there goes on with another config; these runs have not got to their end.
    case grown(Submission, PlacedExperiment, ExperimentPlacement.Continuation)
    /// The same experiment is in the queue, or all its runs have got to their end; and the runs of its plan.
    case known(String, Set<String>)
    /// What is wrong with it, as `bitlab validate` says it.
    case refused(String)
    /// Another config of this batch has its name: that one is to be submitted first.
    case later
  }

  private static let mostRuns = 5_000

  private let results: ResultsFolder
  private let files: any FileSystem
  private let reuses: Bool
  private let only: [Glob]
  private let find: (String) -> Submission?
  private let canTake: (String) -> Bool
  /// Names taken by submissions of this batch.
  private var taken: [String: Submission] = [:]

  /// - Parameters:
  ///   - reuses: whether runs may take over what equal ones have done.
  ///   - only: which runs are meant, by their ids; all for none.
  ///   - find: the queue's submission of a name.
  ///   - canTake: whether the queue takes one of that name, since all runs of the one it has have ended.
  init(
    _ results: ResultsFolder, files: any FileSystem, reuses: Bool, only: [Glob],
    find: @escaping (String) -> Submission?, canTake: @escaping (String) -> Bool
  ) {
    self.only = only
    self.results = results
    self.files = files
    self.reuses = reuses
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
      if let problem = countProblem(runs.count) { throw Refusal(text: "\(file.path): error: \(problem)") }
      let fingerprint = ExperimentPlacement.fingerprint(experiment, file, plan: runs)
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
      Self.submission(name, of: runs, experiment, file, fingerprint: fingerprint, reuses: reuses)
    }
    let wanted = runs.filter { run in only.isEmpty || only.contains { $0.matches(run.id) } }
    var other: ExperimentPlacement.Reason?
    for name in ExperimentPlacement.names(experiment) {
      let known = taken[name] ?? find(name)
      if let known, taken[name] != nil, known.fingerprint != fingerprint { return .later }
      if let known, !hasVanished(known) {
        let jobs = Set(known.jobs.map(\.name))
        // Where it was submitted with other runs of its plan, these are added.
        if known.fingerprint == fingerprint, taken[name] != nil || wanted.allSatisfy({ jobs.contains($0.id) })
        {
          return .known(name, Set(wanted.map(\.id)))
        }
        if known.fingerprint != fingerprint, let reason = reason(runs, fingerprint, former: known) {
          other = other ?? reason
          continue
        }
      }
      let placed = PlacedExperiment(
        experiment, name: name, folder: results.experiment(name), configFolder: file.folder, plan: runs,
        configHash: String(fingerprint.prefix { $0 != " " }))
      var continuation = ExperimentPlacement.Continuation()
      let fit = placement.fit(placed, file)
      switch fit {
      case .taken(let reason):
        other = other ?? reason
        continue
      case .empty: break
      case .continues(let found): continuation = found
      }
      let pending = submission(name, of: wanted.filter { !continuation.ended.contains($0.id) })
      if let problem = Self.sizeProblem(pending) { return .refused("\(file.path): error: \(problem)") }
      let isKnown = known.map { !hasVanished($0) } ?? false
      if isKnown || continuation.changesConfig { return .grown(pending, placed, continuation) }
      if pending.jobs.isEmpty { return .known(name, []) }
      taken[name] = pending
      if case .continues = fit { return .continued(pending) }
      return .new(pending, placed, note: other.map { $0.note(experiment.name, name) })
    }
    preconditionFailure("there is no end of numbers")
  }

  /// Why runs cannot go on as those of a submission that the queue has: one of them would become another; nil where none
  /// would.
  private func reason(
    _ runs: [RunPlan], _ fingerprint: String, former: Submission
  ) -> ExperimentPlacement.Reason? {
    func folder(_ fingerprint: String) -> Substring { fingerprint.drop { $0 != " " } }
    guard let text = former.payload,
      let experiment = try? Experiment(bytes: Array(text.utf8), path: former.name),
      folder(fingerprint) == folder(former.fingerprint)
    else { return .init(text: "another config") }
    return ExperimentPlacement.reason(runs, former: Plan(experiment).runs)
  }

  /// Whether the experiment of a submission has ended and somebody has removed its results: they are wanted anew.
  private func hasVanished(_ submission: Submission) -> Bool {
    taken[submission.name] == nil && canTake(submission.name)
      && !results.experiment(submission.name).hasConfig
  }

  /// Why the queue cannot take a submission: it is one record of the journal, and with its runs' entries one of a snapshot.
  static func sizeProblem(_ submission: Submission) -> String? {
    if let problem = countProblem(submission.jobs.count) { return problem }
    // Most are far from the bound, and encoding takes its time.
    guard submission.jobs.count > 500 || submission.payload?.utf8.count ?? 0 > 1 << 18 else { return nil }
    let size = (try? QueueRecord.submitted(submission).encoded().count) ?? .max
    guard size > Journal.maximumRecordBytes / 2 else { return nil }
    return "the config and its \(submission.jobs.count) runs are larger than the queue takes of one: split it"
  }

  private static func countProblem(_ count: Int) -> String? {
    count <= mostRuns
      ? nil : "the plan has \(count) runs, the queue takes \(mostRuns) of one config: split it"
  }

  /// Why the queue would refuse a config, whatever it has; nil where it would not.
  static func planProblem(_ experiment: Experiment, _ file: ConfigurationFile, _ runs: [RunPlan]) -> String? {
    if let problem = countProblem(runs.count) { return problem }
    return sizeProblem(
      submission(
        experiment.name, of: runs, experiment, file, fingerprint: experiment.configHash, reuses: true))
  }

  private static func submission(
    _ name: String, of runs: [RunPlan], _ experiment: Experiment, _ file: ConfigurationFile,
    fingerprint: String,
    reuses: Bool
  ) -> Submission {
    Submission(
      name: name, payload: String(decoding: file.bytes, as: UTF8.self), note: file.overrides.text,
      folder: file.folder, jobs: runs.map { JobDescription($0) }, priority: experiment.priority,
      maxRetries: experiment.maxRetries, fingerprint: fingerprint, reuses: reuses)
  }

  private var placement: ExperimentPlacement { ExperimentPlacement(results: results, files: files) }
}
