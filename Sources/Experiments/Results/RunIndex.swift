import Files
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
    var isOpen = false
    var file: AppendingFile?
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

  /// A completed run of that hash, another one than `run`; nil where there is none. One that its time limit ended is none.
  package func find(_ hash: String, otherThan run: PlacedRun) -> Entry? {
    state.withLock { state in
      open(&state)
      guard let key = Self.key(hash), let offset = state.offsets[key] else { return nil }
      if let found = line(at: offset).flatMap(Self.place), let entry = entry(found, hash),
        entry.name != run.name
      {
        return entry
      }
      // The newest is this run, or is not there any more: there may be others.
      for name in places(of: hash) {
        if let entry = entry(name, hash), entry.name != run.name { return entry }
      }
      return nil
    }
  }

  /// Takes note of a completed run.
  package func add(_ record: RunRecord) {
    guard record.isReusable, let hash = record.runHash, let key = Self.key(hash) else { return }
    let name = "\(record.experiment)/\(record.run)"
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
        if state.said != "\(error)" { log("\(error)") }
        state.said = "\(error)"
      }
    }
  }

  // MARK: - The file

  /// Reads the file, or makes it anew from the records where it is not there or cannot be used.
  private func open(_ state: inout State) {
    guard !state.isOpen else { return }
    state.isOpen = true
    let path = results.runIndexFile
    do {
      var isThere = files.exists(path)
      if isThere, try !hasHeading(path) {
        let kept = try DamagedFile.putAside(path, in: files)
        log("\(path) is damaged, or of another version: kept as \(kept), and made anew from the records")
        isThere = false
      }
      if !isThere { try rebuild(path) }
      state.file = try AppendingFile(path, .afterLastWholeRow, in: files)
      state.offsets = Self.offsets(in: try files.readAll(path))
    } catch {
      log("\(error): runs are trained though equal ones may be there")
    }
  }

  private func hasHeading(_ path: String) throws(FileError) -> Bool {
    try files.readAll(path).starts(with: Array("\(Self.heading)\n".utf8))
  }

  private func rebuild(_ path: String) throws {
    var lines = [Self.heading]
    for name in try results.experimentNames(in: files) {
      let folder = results.experiment(name)
      for id in (try? files.list(folder.runsFolder)) ?? [] {
        guard let record = try? RunRecord(reading: folder.run(id).recordFile, in: files), record.isReusable,
          let hash = record.runHash
        else { continue }
        lines.append("\(hash) \(name)/\(id)")
      }
    }
    try results.create(in: files)
    try DurableFile.write(lines.joined(separator: "\n") + "\n", to: path, in: files)
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
    guard let bytes = try? files.readAll(results.runIndexFile), offset < bytes.count else { return nil }
    return bytes[offset...].split(separator: UInt8(ascii: "\n"), maxSplits: 1).first.map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// The runs of a hash, the newest first.
  private func places(of hash: String) -> [Place] {
    guard let text = try? files.readText(results.runIndexFile) else { return [] }
    return text.split(separator: "\n").filter { $0.hasPrefix(hash + " ") }.reversed()
      .compactMap { Self.place(String($0)) }
  }

  private struct Place {
    var experiment: String
    var run: String
    var name: String { "\(experiment)/\(run)" }
  }

  private static func place(_ line: String) -> Place? {
    let parts = line.dropFirst(33).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, parts.allSatisfy({ ExperimentFolder.isName($0) }) else { return nil }
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
