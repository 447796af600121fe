import Experiments
import Files
import Scheduler

// What people name on the command line, and what they ask of it.
extension DaemonCore {
  /// Bytes: two names of folders, and a slash.
  private static let longestName = 2 * 255 + 1

  /// The jobs that words on the command line mean: `experiment` or `experiment/run`, of the queue or of the results folder.
  ///
  /// Throws for a word that means none, with the nearest that does.
  func resolve(_ words: [String]) throws(UnknownTarget) -> Set<JobID> {
    // Even to look up a word of megabytes takes its time.
    if let word = words.first(where: { $0.utf8.count > Self.longestName }) {
      throw UnknownTarget(word, among: [])
    }
    let state = engine.report().state
    var ids: Set<JobID> = []
    var experiments: [String: Set<JobID>] = [:]
    // Each once: a request has room for a million words.
    for word in Set(words) {
      if Glob.isPattern(word) {
        ids.formUnion(try matching(word, state))
        continue
      }
      let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let all = experiments[parts[0]] ?? jobs(of: parts[0], state)
      experiments[parts[0]] = all
      if parts.count == 1, !all.isEmpty {
        ids.formUnion(all)
      } else if parts.count == 2, all.contains(JobID(submission: parts[0], job: parts[1])) {
        ids.insert(JobID(submission: parts[0], job: parts[1]))
      } else if all.isEmpty, let problem = configProblem(parts[0]) {
        throw UnknownTarget(problem)
      } else {
        throw UnknownTarget(word, among: names(near: all, state))
      }
    }
    return ids
  }

  /// All jobs that a pattern means: of an experiment, or, behind a slash, of a run.
  private func matching(_ word: String, _ state: QueueState) throws(UnknownTarget) -> Set<JobID> {
    let pattern = TargetPattern(word)
    let onDisk = (try? results.experimentNames(in: files)) ?? []
    var ids: Set<JobID> = []
    for name in Set(state.submissions.keys).union(onDisk) where pattern.matches(experiment: name) {
      ids.formUnion(jobs(of: name, state).filter { pattern.matches(run: $0.job) })
    }
    if ids.isEmpty { throw UnknownTarget(word, among: []) }
    return ids
  }

  /// What a word that means nothing may have been meant to be: an experiment, a run of the queue, or one of these.
  private func names(near jobs: Set<JobID>, _ state: QueueState) -> [String] {
    state.submissions.keys.sorted() + ((try? results.experimentNames(in: files)) ?? [])
      + (jobs.isEmpty ? Array(state.jobs.keys) : Array(jobs)).map(\.description).sorted()
  }

  /// All jobs that there are: of the queue, and of the experiments in the results folder.
  func everyJob() -> Set<JobID> {
    let state = engine.report().state
    let names = (try? results.experimentNames(in: files)) ?? []
    return names.reduce(into: Set(state.jobs.keys)) { $0.formUnion(jobs(of: $1, state)) }
  }

  private func jobs(of name: String, _ state: QueueState) -> Set<JobID> {
    var ids = Set(state.submissions[name]?.jobIDs ?? [])
    if let experiment = forgottenExperiment(name) {
      ids.formUnion(experiment.runs.map { JobID(submission: name, job: $0.plan.id) })
    }
    return ids
  }

  /// An experiment as its folder has it; nil where there is none that can be read.
  private func forgottenExperiment(_ name: String) -> PlacedExperiment? {
    (try? PlacedExperiment(reading: name, in: results, files)) ?? nil
  }

  /// Why nothing is known of an experiment whose folder is there.
  private func configProblem(_ name: String) -> String? {
    let folder = results.experiment(name)
    guard ExperimentFolder.isName(name), files.exists(folder.path) else { return nil }
    do {
      let isThere = try PlacedExperiment(reading: name, in: results, files) != nil
      return isThere ? nil : "\(folder.configFile) is not there, or is no file: put it back"
    } catch {
      return "\(error)"
    }
  }

  // MARK: - Steering

  /// What became of a request for one run.
  struct Answer: Sendable {
    var id: JobID
    var text: String
    var isEffective: Bool
  }

  /// Does what a person asked for to some runs, also to those that the queue has forgotten; says of each what became of it.
  func command(_ command: QueueCommand, _ ids: [JobID]) throws -> [Answer] {
    let state = engine.report().state
    let known = ids.filter { state.jobs[$0] != nil }
    var answers: [JobID: Answer] = [:]
    for answer in try engine.command(command, known) {
      answers[answer.id] = Answer(id: answer.id, text: answer.text, isEffective: answer.isEffective)
    }
    var restarted: [String: [JobID]] = [:]
    for id in ids where answers[id] == nil {
      if command == .restart, record(of: id)?.status.hasEnded ?? true {
        restarted[id.submission, default: []].append(id)
      } else {
        answers[id] = answerForgotten(id, state)
      }
    }
    for (name, ids) in restarted.sorted(by: { $0.key < $1.key }) {
      for answer in try restartForgotten(name, ids) { answers[answer.id] = answer }
    }
    return ids.compactMap { answers[$0] }
  }

  /// Removes experiments that have ended, with all their files. Returns what to tell people of files that stay. Throws
  /// `UnknownTarget`, `UnfinishedExperiment`, `QueueEngine.NotEnded`, `FileError`.
  func remove(_ names: [String]) throws -> String? {
    // Nobody submits one of them meanwhile.
    try intake.withLock { _ in
      let there = try results.experimentNames(in: files)
      for name in names where !there.contains(name) { throw UnknownTarget(name, among: there) }
      let state = engine.report().state
      for name in names where state.submissions[name] == nil {
        if let unfinished = UnfinishedExperiment(name, in: results, files) { throw unfinished }
      }
      // All or none.
      try engine.remove(names)
      for name in names {
        try results.remove(name, in: files)
        ended.withLock { ended in ended = ended.filter { $0.key.submission != name } }
        log.write("\(name): removed")
      }
    }
    let note = ResultsFolder.note(ofRemainsIn: results.finishRemovals(in: files))
    if let note { log.write(note) }
    return note
  }

  private func answerForgotten(_ id: JobID, _ state: QueueState) -> Answer {
    let status = forgotten(id, state).record.status
    let text =
      status.hasEnded ? "has already ended: \(status.rawValue)" : "is not in the queue: submit its config"
    return Answer(id: id, text: text, isEffective: false)
  }

  /// Queues runs of a forgotten experiment once more, from nothing, where its config is still the one that they were trained
  /// by.
  private func restartForgotten(_ name: String, _ ids: [JobID]) throws -> [Answer] {
    let folder = results.experiment(name)
    guard let placed = forgottenExperiment(name), let config = try? files.readText(folder.configFile) else {
      return ids.map {
        Answer(id: $0, text: "\(folder.configFile) is not there or cannot be read", isEffective: false)
      }
    }
    let changed = Set(
      ids.filter { id in
        guard let record = record(of: id), let run = placed.run(id.job) else { return false }
        return !run.isThat(of: record, in: files)
      })
    let begun = Set(ids.map(\.job)).subtracting(changed.map(\.job))
    let submission = placed.submission(config: config, configFolder: placed.configFolder) {
      begun.contains($0.plan.id)
    }
    if let problem = Admission.sizeProblem(submission) {
      return ids.map { Answer(id: $0, text: problem, isEffective: false) }
    }
    if !submission.jobs.isEmpty { try engine.queueOnceMore([submission], fromNothing: true) }
    return ids.map { id in
      changed.contains(id)
        ? Answer(
          id: id,
          text:
            "\(folder.configFile) has been changed since the run was trained: put it back as it was, or submit it under another name",
          isEffective: false)
        : Answer(id: id, text: "begins again", isEffective: true)
    }
  }
}

/// A word on the command line that means no run and no experiment.
struct UnknownTarget: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// - Parameter names: of the runs and experiments that there are.
  init(_ word: String, among names: some Sequence<String>) {
    let hint = Nearest.name(to: word, among: names).map { ": did you mean `\($0)`?" }
    description = "no run or experiment `\(word.inMessage(upTo: Self.mostShown))`" + (hint ?? "")
  }

  /// Bytes that are shown of a word: what says that it is wrong must fit into a response.
  static let mostShown = 400
}
