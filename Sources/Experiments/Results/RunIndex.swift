import Datasets
import Files
import Foundation
import Synchronization

/// Where completed runs are, by their hashes: an index over the records under a results folder, which can be rebuilt from
/// them.
///
/// Its file has a line for each run, `<run_hash> <experiment>/<run>`, under a heading with the version. It is appended to
/// without a sync: what a crash takes costs a run's training, never its results. Whoever finds a run in it looks at the run's
/// own record before he believes it. In memory is where the newest line of each hash begins, and no more.
package final class RunIndex: Sendable {
  /// A completed run.
  package struct Entry: Sendable {
    package var folder: RunFolder
    package var record: RunRecord

    package var name: String { "\(record.experiment)/\(record.run)" }
  }

  private struct State {
    var file: AppendingFile?
    /// Of the file that is open.
    var version: FileVersion?
    /// Whether all that was added is in it.
    var isComplete = true
    /// Of each hash, by its first 16 digits.
    var offsets: [UInt64: Int] = [:]
    /// What could not be written, as it was said.
    var said: String?
  }

  private let results: ResultsFolder
  private let files: any FileSystem
  private let log: @Sendable (String) -> Void
  private let state = Mutex(State())

  private static let heading = "bitlab run index 1"

  /// - Parameter log: takes a line for the people who run the program.
  package init(_ results: ResultsFolder, in files: any FileSystem, log: @escaping @Sendable (String) -> Void)
  {
    self.results = results
    self.files = files
    self.log = log
  }

  /// Whether a completed run of that hash is known.
  func has(_ hash: String) -> Bool { find(hash, otherThan: nil) != nil }

  /// A completed run of that hash, another one than `run`; nil where there is none. One that its time limit ended is none.
  package func find(_ hash: String, otherThan run: PlacedRun?) -> Entry? {
    let offset = state.withLock { state -> Int? in
      open(&state)
      return Self.key(hash).flatMap { state.offsets[$0] }
    }
    guard let offset else { return nil }
    if let found = line(at: offset).flatMap(Self.place), let entry = entry(found, hash),
      entry.name != run?.name
    {
      return entry
    }
    // The newest is this run, or is not there any more: there may be others.
    return places(of: hash).lazy.compactMap { self.entry($0, hash) }.first { $0.name != run?.name }
  }

  /// Takes note of a completed run.
  package func add(_ record: RunRecord) {
    guard record.isReusable, let hash = record.runHash else { return }
    add(hash, "\(record.experiment)/\(record.run)")
  }

  /// Takes note of a run that has completed, or is about to: whoever finds it looks whether its record says so.
  package func add(_ hash: String, _ name: String) {
    guard let key = Self.key(hash) else { return }
    state.withLock { state in
      open(&state)
      if let offset = state.offsets[key], line(at: offset).flatMap(Self.place)?.name == name { return }
      guard let file = state.file else { return }
      let offset = file.length
      do {
        try file.append("\(hash) \(name)\n")
        state.offsets[key] = offset
        state.said = nil
      } catch {
        // It is opened again, and lacks what could not be written until it is made anew.
        (state.file, state.isComplete) = (nil, false)
        say("\(error)", &state)
      }
    }
  }

  private func say(_ problem: String, _ state: inout State) {
    if state.said != problem { log("\(problem): runs may be trained though equal ones are there") }
    state.said = problem
  }

  // MARK: - The file

  /// Reads the file, or makes it anew from the records: where it is not there, or not there any more, cannot be used, or lacks
  /// something.
  private func open(_ state: inout State) {
    let path = results.runIndexFile
    if state.file != nil, FileVersion(path: path)?.isSameFile(as: state.version) ?? false { return }
    state.file = nil
    do {
      if files.exists(path), let problem = try problem(path) {
        let kept = try DamagedFile.putAside(path, in: files)
        log("\(path) \(problem): kept as \(kept), and made anew from the records")
      }
      if !state.isComplete || !files.exists(path) { try rebuild(path) }
      try complete(path)
      state.file = try AppendingFile(path, .afterLastWholeRow, in: files)
      state.version = FileVersion(path: path)
      state.offsets = Self.offsets(in: try files.readAll(path))
      state.isComplete = true
    } catch {
      say("\(error)", &state)
    }
  }

  /// What keeps the file from being used as it is; nil for nothing.
  private func problem(_ path: String) throws(FileError) -> String? {
    guard FilePath.isRegularFile(path) else { return "is no regular file" }
    let bytes = try files.readAll(path)
    guard bytes.starts(with: Array("\(Self.heading)\n".utf8)) else {
      return "is damaged, or of another version"
    }
    // A last line without its end is what a crash leaves.
    let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { bytes[...$0] } ?? []
    let lines = whole.split(separator: UInt8(ascii: "\n")).dropFirst()
    guard lines.allSatisfy({ Self.place(String(decoding: $0, as: UTF8.self)) != nil }) else {
      return "has lines that are none"
    }
    return nil
  }

  /// Adds the runs of experiments of which the file knows nothing: somebody has copied or renamed a folder. Makes it anew where
  /// most of its lines are of runs that are named more than once, or not there any more.
  private func complete(_ path: String) throws {
    let names = Set(try results.experimentNames(in: files))
    let text = String(decoding: try files.readAll(path), as: UTF8.self)
    let places = text.split(separator: "\n").dropFirst().compactMap { Self.place(String($0)) }
    let live = Set(places.filter { names.contains($0.experiment) })
    if places.count > max(2 * live.count, Self.smallestCompacted) { return try rebuild(path) }
    let missing = names.subtracting(live.map(\.experiment))
    let lines = missing.sorted().flatMap { self.lines(of: $0) }
    if !lines.isEmpty { try AppendingFile(path, .afterLastWholeRow, in: files).append(lines.joined()) }
  }

  private static let smallestCompacted = 1_000

  private func rebuild(_ path: String) throws {
    let lines = try results.experimentNames(in: files).flatMap { self.lines(of: $0) }
    try results.create(in: files)
    try DurableFile.write("\(Self.heading)\n" + lines.joined(), to: path, in: files)
  }

  /// A line for each completed run of an experiment.
  private func lines(of name: String) -> [String] {
    let folder = results.experiment(name)
    return ((try? files.list(folder.runsFolder)) ?? []).compactMap { id in
      guard let record = try? RunRecord(reading: folder.run(id).recordFile, in: files), record.isReusable,
        let hash = record.runHash
      else { return nil }
      return "\(hash) \(name)/\(id)\n"
    }
  }

  /// Where the last line of each hash begins. Lines that are none are passed over.
  private static func offsets(in bytes: [UInt8]) -> [UInt64: Int] {
    var offsets: [UInt64: Int] = [:]
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = bytes[start..<end]
      if line.count > 33, line[start + 32] == UInt8(ascii: " "),
        let key = key(String(decoding: line.prefix(32), as: UTF8.self))
      {
        offsets[key] = start
      }
      start = end + 1
    }
    return offsets
  }

  private static func key(_ hash: String) -> UInt64? {
    hash.utf8.count == 32 ? UInt64(hash.prefix(16), radix: 16) : nil
  }

  /// The line that begins there; nil where it cannot be read.
  private func line(at offset: Int) -> String? {
    guard FilePath.isRegularFile(results.runIndexFile),
      let file = FileHandle(forReadingAtPath: results.runIndexFile)
    else { return nil }
    defer { try? file.close() }
    guard (try? file.seek(toOffset: UInt64(offset))) != nil,
      let bytes = try? file.read(upToCount: Self.longestLine)
    else { return nil }
    return bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1).first.map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// A hash, and two names of folders.
  private static let longestLine = 32 + 2 * 256 + 2

  /// The runs of a hash, the newest first.
  private func places(of hash: String) -> [Place] {
    guard let bytes = try? files.readAll(results.runIndexFile) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix(hash + " ") }
      .reversed()
      .compactMap { Self.place(String($0)) }
  }

  private struct Place: Hashable {
    var experiment: String
    var run: String
    var name: String { "\(experiment)/\(run)" }
  }

  private static func place(_ line: String) -> Place? {
    let parts = line.dropFirst(33).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard key(String(line.prefix(32))) != nil, line.dropFirst(32).first == " ", parts.count == 2,
      parts.allSatisfy({ ExperimentFolder.isName($0) })
    else { return nil }
    return Place(experiment: parts[0], run: parts[1])
  }

  private func entry(_ place: Place, _ hash: String) -> Entry? {
    let folder = results.experiment(place.experiment).run(place.run)
    guard var record = try? RunRecord(reading: folder.recordFile, in: files), record.isReusable,
      record.runHash == hash
    else { return nil }
    // Somebody may have given the experiment's folder another name.
    (record.experiment, record.run) = (place.experiment, place.run)
    return Entry(folder: folder, record: record)
  }
}

extension RunRecord {
  /// Whether the run got to its own end, so that an equal one would write the same.
  fileprivate var isReusable: Bool { status == .completed && stoppedBy == nil && runHash != nil }
}
