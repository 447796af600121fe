import Datasets
import Experiments
import Files
import Scheduler

/// Finds or makes the folder of an experiment.
///
/// A config continues the experiment of its name as long as every run that is there stays what it was: the same config, or
/// one with more runs. Where a run would become another one, the experiment gets a folder of its own, with a number.
struct ExperimentPlacement {
  let results: ResultsFolder
  let files: any FileSystem

  /// What a config finds in a folder of its name.
  enum Fit {
    /// Nothing, or what somebody was stopped at making.
    case empty
    case continues(Continuation)
    /// Results that are not its own, for that reason.
    case taken(Reason)
  }

  /// What is there of an experiment that goes on.
  struct Continuation: Sendable {
    /// Whether the folder has another config.
    var changesConfig = false
    /// Runs of the plan that have got to their end.
    var ended: Set<String> = []
    /// Runs that are there and that the plan no longer has.
    var gone: [String] = []
    /// Runs that the plan does not have and that have not ended, by their records.
    var abandoned: [String] = []
  }

  /// Why a folder cannot be an experiment's: what is in it.
  struct Reason: Sendable {
    /// Completes "results of ... have that name".
    var text: String

    /// What to tell people whose experiment gets another name.
    func note(_ experiment: String, _ name: String) -> String {
      "\(experiment): results of \(text) have that name; these go to \(name)"
    }
  }

  // MARK: - Names

  /// The names that an experiment may get, in order.
  static func names(_ experiment: Experiment) -> some Sequence<String> {
    sequence(first: 1) { $0 + 1 }.lazy.map { $0 == 1 ? experiment.name : "\(experiment.name)-\($0)" }
  }

  /// Finds the experiment its folder. Nothing is written yet.
  ///
  /// - Parameter isOther: why a name is another experiment's, whatever its folder says.
  func find(
    _ experiment: Experiment, _ file: ConfigurationFile, isOther: (String, PlacedExperiment) -> Reason?
  ) -> (placed: PlacedExperiment, fit: Fit, other: Reason?) {
    var other: Reason?
    let plan = Plan(experiment).runs
    for name in Self.names(experiment) {
      let placed = PlacedExperiment(
        experiment, name: name, folder: results.experiment(name), configFolder: file.folder, plan: plan)
      if let reason = isOther(name, placed) {
        other = other ?? reason
        continue
      }
      let fit = fit(placed, file)
      guard case .taken(let reason) = fit else { return (placed, fit, other) }
      other = other ?? reason
    }
    preconditionFailure("there is no end of numbers")
  }

  // MARK: - What is there

  /// What a config finds in its folder.
  func fit(_ placed: PlacedExperiment, _ file: ConfigurationFile) -> Fit {
    let folder = placed.folder
    if !files.exists(folder.path) || isUnfinished(folder) { return .empty }
    let held: Experiment
    if files.exists(folder.configFile) {
      guard let bytes = try? files.readAll(folder.configFile),
        let experiment = try? Experiment(bytes: bytes, path: folder.configFile)
      else { return .taken(Reason(text: "a config.json that cannot be read")) }
      held = experiment
    } else {
      guard hasRuns(of: placed) else { return .taken(Reason(text: "something that is no experiment")) }
      held = placed.experiment
    }
    if held.namesFiles || placed.experiment.namesFiles, let origin = folder.origin(in: files),
      origin != FilePath.absolute(file.folder), files.exists(origin)
    {
      return .taken(Reason(text: "a config in another folder, whose files it names,"))
    }
    // Where that folder is gone, configs and results have moved together.
    guard held.name == placed.experiment.name else {
      return .taken(Reason(text: "an experiment named \(held.name)"))
    }
    guard let there = files.exists(folder.runsFolder) ? try? files.list(folder.runsFolder) : [] else {
      return .taken(Reason(text: "runs that cannot be listed"))
    }
    var continuation = Continuation(changesConfig: held != placed.experiment || !folder.hasConfig)
    lazy var former = PlacedExperiment(
      held, name: placed.name, folder: folder, configFolder: placed.configFolder)
    for id in there {
      guard let record = try? RunRecord(reading: folder.run(id).recordFile, in: files) else {
        // What it was only its config can say.
        if let reason = unknown(id, placed, former) { return .taken(reason) }
        continue
      }
      if placed.run(id) == nil, !record.status.hasEnded { continuation.abandoned.append(id) }
      guard record.hasBegun else { continue }
      guard let run = placed.run(id) else {
        continuation.gone.append(id)
        continue
      }
      guard run.isThat(of: record, in: files) else { return .taken(reason(run, record, folder)) }
      if run.hasEnded(record, in: files) { continuation.ended.insert(id) }
    }
    return .continues(continuation)
  }

  /// Whether records say that runs of the experiment are in its folder, whose config is lost.
  private func hasRuns(of placed: PlacedExperiment) -> Bool {
    let there = (try? files.list(placed.folder.runsFolder)) ?? []
    return there.lazy.compactMap(placed.run).contains { run in
      guard let record = try? RunRecord(reading: run.folder.recordFile, in: files) else { return false }
      return record.hasBegun && run.isThat(of: record, in: files)
    }
  }

  /// Why a run whose record is gone or cannot be read may be another one than the plan's; nil where it is the same, or nothing of it
  /// is there.
  private func unknown(_ id: String, _ placed: PlacedExperiment, _ former: PlacedExperiment) -> Reason? {
    guard let run = placed.run(id), placed.experiment != former.experiment else { return nil }
    let folder = run.folder
    let isThere =
      files.exists(folder.curveFile) || files.exists(folder.modelFile)
      || folder.checkpoints(in: files).newestStep != nil
    guard isThere else { return nil }
    guard let before = former.run(id) else { return Reason(text: "a run of another config (\(id))") }
    return before.plan.identityText == run.plan.identityText
      ? nil : Self.reason(run.plan, former: before.plan)
  }

  /// Whether someone was stopped, or is, between making the folder and writing its config: only what comes before is in it.
  private func isUnfinished(_ folder: ExperimentFolder) -> Bool {
    let runs = FilePath.name(of: folder.runsFolder)
    let before = [runs, FilePath.name(of: folder.setFile)]
    guard let names = try? files.list(folder.path),
      names.allSatisfy({ before.contains($0) || $0.hasPrefix(".") })
    else { return false }
    return !names.contains(runs) || (try? files.list(folder.runsFolder)) == []
  }

  /// What keeps a run from being the one that is there: the settings that differ, where its config is still known.
  private func reason(_ run: PlacedRun, _ record: RunRecord, _ folder: ExperimentFolder) -> Reason {
    let former = configs(of: folder).lazy.compactMap { path -> Experiment? in
      guard let bytes = try? files.readAll(path) else { return nil }
      return try? Experiment(bytes: bytes, path: path)
    }.first { $0.configHash == record.configHash }
    let plan = former.flatMap { Plan($0).runs.first { $0.id == run.plan.id } }
    guard let plan else { return Reason(text: "another config") }
    if record.runHash == nil, run.plan.identityText == plan.identityText {
      return Reason(text: "a program that did not record what decides a run (run_hash)")
    }
    return Self.reason(run.plan, former: plan)
  }

  /// Why runs cannot go on as those of another config: one of them would become another; nil where none would.
  static func reason(_ runs: [RunPlan], former: [RunPlan]) -> Reason? {
    let plan = Dictionary(uniqueKeysWithValues: former.map { ($0.id, $0) })
    for run in runs {
      guard let before = plan[run.id], before.identityText != run.identityText else { continue }
      return reason(run, former: before)
    }
    return nil
  }

  /// The same of two plans.
  static func reason(_ run: RunPlan, former: RunPlan) -> Reason {
    let differences = run.differences(from: former)
    let shown = differences.prefix(mostDifferences).joined(separator: ", ")
    let rest = differences.count - mostDifferences
    // Only the weights that it begins from are left.
    if differences.isEmpty { return Reason(text: "other initial weights, or ones that are not there now,") }
    return Reason(text: "another config (\(shown)\(rest > 0 ? ", and \(rest) more" : ""))")
  }

  private static let mostDifferences = 5

  // MARK: - Writing

  /// Makes the folder of a new experiment and writes its config, and where that lies if it names files. Throws `FileError`.
  func write(_ file: ConfigurationFile, of placed: PlacedExperiment) throws {
    try placed.folder.create(in: files)
    try writeOrigin(of: file, placed)
    try writeOverrides(of: file, placed.folder)
    try DurableFile.write(file.bytes, to: placed.folder.configFile, in: files)
  }

  /// Brings the folder of an experiment that continues up to its config: another one that is there is kept under the next free
  /// number, and runs that the plan does not have are cancelled, for nobody will bring them to their end.
  /// Throws `FileError`.
  func update(
    _ file: ConfigurationFile, of placed: PlacedExperiment, _ continuation: Continuation
  ) throws {
    let folder = placed.folder
    try writeOrigin(of: file, placed)
    if continuation.changesConfig {
      if folder.hasConfig {
        try keep(try files.readAll(folder.configFile), in: folder)
        // First: between the two the former config counts.
        try DurableFile.write(SHA256.hexadecimal(of: file.bytes) + "\n", to: folder.configHashFile, in: files)
      }
      try writeOverrides(of: file, folder)
      try DurableFile.write(file.bytes, to: folder.configFile, in: files)
    }
    for id in continuation.abandoned {
      let path = folder.run(id).recordFile
      guard var record = try? RunRecord(reading: path, in: files) else { continue }
      record.end(.cancelled, problem: PlacedExperiment.runIsGone)
      try record.write(to: path, in: files)
    }
  }

  private func writeOverrides(of file: ConfigurationFile, _ folder: ExperimentFolder) throws {
    if let text = file.overrides.text {
      try DurableFile.write(text, to: folder.setFile, in: files)
    } else if files.exists(folder.setFile) {
      try files.remove(folder.setFile)
    }
  }

  private func writeOrigin(of file: ConfigurationFile, _ placed: PlacedExperiment) throws {
    let origin = FilePath.absolute(file.folder)
    guard placed.experiment.namesFiles, placed.folder.origin(in: files) != origin else { return }
    try DurableFile.write(origin + "\n", to: placed.folder.originFile, in: files)
  }

  private func keep(_ former: [UInt8], in folder: ExperimentFolder) throws {
    var number = 1
    while files.exists(folder.formerConfigFile(number)) { number += 1 }
    // Whoever was stopped behind this has kept it already.
    if number > 1, (try? files.readAll(folder.formerConfigFile(number - 1))) == former { return }
    if files.exists(folder.setFile) {
      try DurableFile.write(
        try files.readAll(folder.setFile), to: folder.formerSetFile(number), in: files)
    }
    try DurableFile.write(former, to: folder.formerConfigFile(number), in: files)
  }

  /// Whether the experiment has grown out of that config to the one that is there: it is one of those that are kept, and nobody
  /// has edited the newest.
  func hasGrown(from bytes: [UInt8], to newest: [UInt8], in folder: ExperimentFolder) -> Bool {
    guard files.exists(folder.configHashFile), isNewest(newest, in: folder) else { return false }
    return configs(of: folder).dropFirst().contains { (try? files.readAll($0)) == bytes }
  }

  /// Whether that is the config that the program wrote last. It takes note of that where an experiment grows.
  func isNewest(_ bytes: [UInt8], in folder: ExperimentFolder) -> Bool {
    guard files.exists(folder.configHashFile) else { return true }
    return (try? files.readText(folder.configHashFile)) == SHA256.hexadecimal(of: bytes) + "\n"
  }

  /// The config, and those that the experiment has grown out of, the newest first.
  private func configs(of folder: ExperimentFolder) -> [String] {
    var former: [String] = []
    while files.exists(folder.formerConfigFile(former.count + 1)) {
      former.append(folder.formerConfigFile(former.count + 1))
    }
    return [folder.configFile] + former.reversed()
  }

  /// The same for equal experiments that mean the same files.
  ///
  /// - Parameter plan: the experiment's runs.
  static func fingerprint(
    _ experiment: Experiment, _ file: ConfigurationFile, plan: [RunPlan]? = nil
  ) -> String {
    experiment.configHash
      + (experiment.namesFiles(plan ?? Plan(experiment).runs) ? " " + FilePath.absolute(file.folder) : "")
  }
}

extension ExperimentPlacement.Continuation {
  /// What becomes of an experiment that has another config now, for people.
  ///
  /// - Parameters:
  ///   - queued: runs that begin or go on.
  ///   - cancelled: runs that had not ended, and that the plan no longer has.
  func note(_ name: String, queued: Int, cancelled: [String] = []) -> String {
    func runs(_ count: Int) -> String { count == 1 ? "1 run" : "\(count) runs" }
    var parts = ["\(name): the experiment continues with its new config"]
    if queued > 0 { parts.append("\(runs(queued)) to train") }
    if !ended.isEmpty {
      parts.append("\(runs(ended.count)) left as \(ended.count == 1 ? "it is" : "they are")")
    }
    let stay = gone.filter { !cancelled.contains($0) }
    if !stay.isEmpty { parts.append("no longer in the plan, kept on disk: \(Self.list(stay))") }
    if !cancelled.isEmpty { parts.append("no longer in the plan, cancelled: \(Self.list(cancelled))") }
    return parts.joined(separator: "; ")
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(mostListed).joined(separator: ", ")
      + (names.count > mostListed ? " and \(names.count - mostListed) more" : "")
  }

  private static let mostListed = 5
}

extension Experiment {
  /// Whether the config names files relative to itself.
  var namesFiles: Bool {
    namesFiles(Plan(self).runs)
  }

  fileprivate func namesFiles(_ plan: [RunPlan]) -> Bool {
    plan.contains { $0.dataset.idx != nil || $0.training.initialWeights != nil }
  }
}
