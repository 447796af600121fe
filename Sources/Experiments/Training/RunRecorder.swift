import Dispatch
import Files
import Foundation
import Synchronization

/// Writes one run's files, in order, on a queue of its own, so that computing never waits for a disk.
///
/// Rows of curves, steps and timing are appended unsynced; a checkpoint syncs them first and records their lengths and
/// checksums, and a resumed run cuts them to that. The first failure stops all later writes and is handed to the run at its
/// next look.
final class RunRecorder: @unchecked Sendable {
  // Sendable invariant: everything below `queue` is touched on it alone, after `open`.
  private let folder: RunFolder
  private let fileSystem: any FileSystem
  private let queue: DispatchQueue
  private let failed = Mutex<(any Error)?>(nil)
  private let checkpointWritten = DispatchSemaphore(value: 1)
  private let newestCheckpoint = Atomic<Int>(-1)

  /// Files that it has open at once: four with rows, one that is written aside, and a folder that is synced.
  static let descriptors = 6

  private let curve: AppendingFile
  private let steps: AppendingFile?
  private let timing: AppendingFile
  private let log: AppendingFile

  /// Opens the files, their rows cut to what `state` knows; headers are written where the run begins.
  init(
    _ run: RunPlan, folder: RunFolder, state: TrainingState, in fileSystem: any FileSystem
  ) throws {
    self.folder = folder
    self.fileSystem = fileSystem
    queue = DispatchQueue(label: "bitlab.recorder.\(run.id)", qos: .utility)
    let gridKeys = run.gridPoint.map(\.key)
    curve = try Self.table(
      folder.curveFile, header: CurveRow.header(gridKeys: gridKeys), length: state.curveLength, in: fileSystem
    )
    steps =
      run.training.logEverySteps == 0
      ? nil
      : try Self.table(
        folder.stepsFile, header: StepRow.header(gridKeys: gridKeys), length: state.stepsLength,
        in: fileSystem)
    timing = try Self.table(
      folder.timingFile, header: TimingRow.header, length: state.timingLength, in: fileSystem)
    log = try AppendingFile(folder.logFile, .afterLastWholeRow, in: fileSystem)
  }

  private static func table(
    _ path: String, header: String, length: Int, in fileSystem: any FileSystem
  ) throws -> AppendingFile {
    let file = try AppendingFile(path, .cutTo(length), in: fileSystem)
    if length == 0 { try file.append(header) }
    return file
  }

  /// The step of the newest checkpoint that this stretch of the run has on the disk; -1 before there is one.
  var checkpointedStep: Int { newestCheckpoint.load(ordering: .relaxed) }

  /// The first thing that could not be written.
  var failure: (any Error)? { failed.withLock { $0 } }

  func append(_ row: CurveRow) { perform { [self] in try curve.append(row.line) } }
  func append(_ row: StepRow) { perform { [self] in try steps?.append(row.line) } }
  func append(_ row: TimingRow) { perform { [self] in try timing.append(row.line) } }

  /// Adds a line to `run.log`, with the time in front.
  func log(_ line: String) {
    let now = Date()
    perform { [self] in try log.append("\(RunRecord.timestamp(now)) \(line.inMessage())\n") }
  }

  func write(_ record: RunRecord) {
    perform { [self] in try record.write(to: folder.recordFile, in: fileSystem) }
  }

  /// Writes a checkpoint of values that must not change until the next call returns.
  ///
  /// - Parameters:
  ///   - prepare: called when the previous checkpoint is written: copies what is to be saved to where `tensors` reads it.
  func checkpoint(_ state: TrainingState, identity: String, tensors: [TensorSource], prepare: () -> Void) {
    checkpointWritten.wait()
    prepare()
    let sources = UncheckedSources(tensors: tensors)
    queue.async { [self] in
      defer { checkpointWritten.signal() }
      attempt {
        try curve.sync()
        try steps?.sync()
        try timing.sync()
        var state = state
        state.curve = curve.rows
        state.steps = steps?.rows ?? AppendedRows(length: 0, checksum: nil)
        state.timing = timing.rows
        try folder.checkpoints(in: fileSystem).write(
          step: state.step, tensors: sources.tensors, metadata: try state.metadata(identity: identity))
        newestCheckpoint.store(state.step, ordering: .relaxed)
      }
    }
  }

  /// Writes the model, the last record and the log's rest; returns the record when all is on the disk, or throws what failed
  /// first.
  ///
  /// - Parameters:
  ///   - record: gets the files' checksums where there is a model: the run has completed.
  ///   - keepsCheckpoints: whether the run may go on some time.
  func finish(
    _ record: RunRecord, model: [TensorSource]?, metadata: [String: String], keepsCheckpoints: Bool
  ) throws -> RunRecord {
    var record = record
    queue.sync {
      attempt {
        if let model {
          record.setChecksum(
            try SafetensorsFile.write(model, metadata: metadata, to: folder.modelFile, in: fileSystem),
            of: folder.modelFile)
          record.setChecksum(curve.rows.checksum, of: folder.curveFile)
          record.setChecksum(steps?.rows.checksum, of: folder.stepsFile)
        }
        try curve.sync()
        try steps?.sync()
        try timing.sync()
        try log.sync()
        try record.write(to: folder.recordFile, in: fileSystem)
        // What the model file and the rows now hold need not be kept twice. A run whose results are safe has not
        // failed where that cannot be tidied up.
        if !keepsCheckpoints { try? folder.checkpoints(in: fileSystem).removeAll() }
      }
    }
    if let failure { throw failure }
    return record
  }

  private func perform(_ body: @escaping @Sendable () throws -> Void) {
    queue.async { [self] in attempt(body) }
  }

  private func attempt(_ body: () throws -> Void) {
    guard failure == nil else { return }
    do {
      try body()
    } catch {
      failed.withLock { $0 = $0 ?? error }
    }
  }
}

/// Tensor sources on their way to the recorder's queue.
private struct UncheckedSources: @unchecked Sendable {
  // Sendable invariant: they read memory that nobody writes until the checkpoint is written.
  let tensors: [TensorSource]
}
