import Files

/// Where a run goes on: at its newest checkpoint that is whole, of the same data, and whose rows are still there.
///
/// Nothing is made up: rows that are damaged or gone are computed again, from an older checkpoint, or from the beginning.
/// What was damaged is kept under another name.
struct Resumption {
  /// nil for a run that begins, or begins anew.
  private(set) var checkpoint: Checkpoint?
  private(set) var state = TrainingState()
  /// What a person should know of it.
  private(set) var notices: [String] = []

  private let run: PlacedRun
  private let files: any FileSystem
  private let store: CheckpointStore
  /// Files whose rows no checkpoint looked at so far could use, with what is wrong.
  private var damaged: [(path: String, problem: String)] = []

  /// Finds where the run goes on, and removes what it will not go on from.
  ///
  /// - Parameter dataSHA256: of the data that the run will train on.
  init(_ run: PlacedRun, dataSHA256: String, in files: any FileSystem) throws {
    self.run = run
    self.files = files
    store = run.folder.checkpoints(in: files)
    var bound = Int.max
    while let (candidate, state) = try load(before: bound) {
      if let before = state.dataSHA256, before != dataSHA256 {
        notices.append(
          "the data have changed since the checkpoint of step \(candidate.step), from data_sha256 \(before) to "
            + "\(dataSHA256): the run begins anew")
        try dropAll()
        return
      }
      if state.numerics ?? 1 != RunIdentity.numerics(run.plan) {
        notices.append(
          "the checkpoint of step \(candidate.step) is of a program that computed otherwise: the run begins anew"
        )
        try dropAll()
        return
      }
      if try hasOtherColumns(state) {
        notices.append(
          "\(run.folder.stepsFile) has other columns than it has in this version: the run begins anew")
        try dropAll()
        return
      }
      if try rowsAreThere(state) {
        (checkpoint, self.state) = (candidate, state)
        try keepDamaged()
        try store.removeAll(after: candidate.step)
        try checkTiming()
        return
      }
      bound = candidate.step
    }
    if damaged.isEmpty { return }
    try keepDamaged()
    notices.append("no checkpoint has all of its rows: the run begins anew")
    try dropAll()
  }

  private mutating func load(before bound: Int) throws -> (Checkpoint, TrainingState)? {
    let (checkpoint, putAside) = try store.loadNewest(before: bound)
    notices += putAside.map { "\($0)" }
    guard let checkpoint else { return nil }
    let metadata = checkpoint.content.metadata
    guard let state = TrainingState(metadata: metadata), isOfThisRun(state, metadata) else {
      throw RunFailure(
        kind: .content,
        "\(run.folder.path), checkpoint of step \(checkpoint.step): is of another run or version: remove the run's "
          + "folder to begin the run again")
    }
    return (checkpoint, state)
  }

  private func isOfThisRun(_ state: TrainingState, _ metadata: [String: String]) -> Bool {
    if TrainingState.identity(in: metadata) == run.identity { return true }
    // The experiment may have grown since.
    guard let hash = state.runHash else { return false }
    return run.numerics(of: hash, dataSHA256: state.dataSHA256, in: files) != nil
  }

  /// Whether the steps are of a version that had no columns for the grid.
  private func hasOtherColumns(_ state: TrainingState) throws(FileError) -> Bool {
    let keys = run.plan.gridPoint.map(\.key)
    guard !keys.isEmpty, state.stepsLength > 0, files.exists(run.folder.stepsFile) else { return false }
    let first = try files.readAll(run.folder.stepsFile).prefix { $0 != UInt8(ascii: "\n") }
    let names = String(decoding: first, as: UTF8.self).split(separator: ",").map(String.init)
    // What is no header is damage.
    return StepRow.nameCount(ofHeader: names) == 3
  }

  private mutating func rowsAreThere(_ state: TrainingState) throws(FileError) -> Bool {
    var areThere = true
    for (path, rows) in [(run.folder.curveFile, state.curve), (run.folder.stepsFile, state.steps)] {
      guard let problem = try rows.problem(in: path, of: files) else { continue }
      areThere = false
      if !damaged.contains(where: { $0.path == path }) { damaged.append((path, problem)) }
    }
    return areThere
  }

  private mutating func keepDamaged() throws {
    for (path, problem) in damaged { try keepAside(path, problem) }
  }

  private mutating func keepAside(_ path: String, _ problem: String) throws {
    let copy = files.exists(path) ? try DamagedFile.copyAside(path, in: files) : nil
    notices.append("\(path): \(problem)" + (copy.map { ": kept as \(FilePath.name(of: $0))" } ?? ""))
  }

  /// How long epochs took is no result: where those rows are lost, the file begins again and training goes on.
  private mutating func checkTiming() throws {
    let path = run.folder.timingFile
    guard let problem = try state.timing.problem(in: path, of: files) else { return }
    try keepAside(path, problem)
    state.timing = AppendedRows(length: 0, checksum: nil)
  }

  /// Rows are cut when their files are opened.
  private func dropAll() throws {
    // The checkpoints last: they say that there is something to drop.
    if files.exists(run.folder.modelFile) { try files.remove(run.folder.modelFile) }
    try store.removeAll()
  }
}
