import Files
import Foundation

/// Gives a run the results of an equal one: its files, with rows as training would have written them under the run's own
/// names.
struct TakeOver {
  let run: PlacedRun
  let source: RunIndex.Entry
  let files: any FileSystem

  /// Copies the files, the record last. What was there of the run before goes when all copies are made.
  ///
  /// Throws `FileError`, and `FileContentError` where the source's files are not what its record says.
  func callAsFunction() throws {
    let folder = run.folder
    let gridKeys = run.plan.gridPoint.map(\.key)
    let names = [run.experiment, run.plan.variant, String(run.plan.seed)]
    let grid = run.plan.gridPoint.map { GridText($0).text }
    let curve = try rows(
      source.folder.curveFile, header: CurveRow.header(gridKeys: gridKeys),
      isHeader: { CurveRow.gridKeys(ofHeader: $0).map { 3 + $0.count } }, names: names + grid)
    let steps =
      run.plan.training.logEverySteps == 0
      ? nil
      : try rows(
        source.folder.stepsFile, header: StepRow.header(gridKeys: gridKeys),
        isHeader: StepRow.nameCount, names: names + grid)
    let modelBytes = try read(source.folder.modelFile)
    _ = try SafetensorsFile(decoding: modelBytes, from: source.folder.modelFile)
    let isTimed = files.exists(source.folder.timingFile)
    let timing = isTimed ? try files.readAll(source.folder.timingFile) : nil
    // Beside what there is of the run: a full disk must not cost what it has done.
    try DurableFile.write(curve, to: Self.aside(folder.curveFile), in: files)
    if let steps { try DurableFile.write(steps, to: Self.aside(folder.stepsFile), in: files) }
    if let timing { try DurableFile.write(timing, to: Self.aside(folder.timingFile), in: files) }
    try DurableFile.write(modelBytes, to: Self.aside(folder.modelFile), in: files)
    if files.exists(folder.recordFile) { try files.remove(folder.recordFile) }
    try folder.checkpoints(in: files).removeAll()
    for path in [folder.curveFile, folder.stepsFile, folder.timingFile, folder.modelFile]
    where files.exists(Self.aside(path)) {
      try files.rename(Self.aside(path), to: path)
    }
    try files.synchronizeFolder(folder.path)
    var record = record
    record.checksums = nil
    record.setChecksum(CRC32.checksum(of: curve), of: folder.curveFile)
    record.setChecksum(steps.map { CRC32.checksum(of: $0) }, of: folder.stepsFile)
    record.setChecksum(modelBytes.withUnsafeBytes { CRC32.checksum(of: $0) }, of: folder.modelFile)
    try record.write(to: folder.recordFile, in: files)
  }

  /// Where a file waits for the others.
  private static func aside(_ path: String) -> String { path + ".taken" }

  /// Who it is is its own, what came out the other one's.
  private var record: RunRecord {
    var record = source.record
    record.experiment = run.experiment
    record.run = run.plan.id
    record.variant = run.plan.variant
    record.configHash = run.configHash
    record.describe(run.plan)
    record.started = RunRecord.timestamp(Date())
    record.ended = record.started
    record.reusedFrom = source.name
    return record
  }

  /// A file of the source, which is what training left.
  private func read(_ path: String) throws -> [UInt8] {
    let bytes = try files.readAll(path)
    guard source.record.accepts(bytes, of: path) else {
      throw damaged(path, "is not what its run left, by run.json")
    }
    return bytes
  }

  private func damaged(_ path: String, _ problem: String) -> FileContentError {
    FileContentError(path: path, problem: problem, remedy: "restart its run to compute it again")
  }

  /// A table's rows with other names in front.
  ///
  /// - Parameter isHeader: how many columns of names a header has; nil for the header of something else.
  private func rows(
    _ path: String, header: String, isHeader: ([String]) -> Int?, names: [String]
  ) throws -> String {
    func damaged(_ problem: String) -> FileContentError { self.damaged(path, problem) }
    let text = String(decoding: try read(path), as: UTF8.self)
    guard text.hasSuffix("\n") else { throw damaged("does not end with a whole row") }
    let records: [[String]]
    do throws(CSV.SyntaxError) {
      records = try CSV.records(in: text)
    } catch {
      throw damaged("line \(error.line): \(error.problem)")
    }
    guard let first = records.first, let count = isHeader(first) else { throw damaged("has another header") }
    guard records.allSatisfy({ $0.count == first.count }) else {
      throw damaged("has a row of another length")
    }
    if path == source.folder.curveFile, !isEnd(records.last!, after: count) {
      throw damaged("does not end as its run did, by run.json")
    }
    return records.dropFirst().reduce(into: header) { $0 += CSV.line(names + $1.dropFirst(count)) }
  }

  /// Whether a row of the curve is the one that the record tells of.
  private func isEnd(_ row: [String], after count: Int) -> Bool {
    let record = source.record
    return Int(row[count + 1]) == record.step && Double(row[count + 4]) == record.finalValidationLoss
      && Double(row[count + 5]) == record.finalValidationAccuracy
  }
}
