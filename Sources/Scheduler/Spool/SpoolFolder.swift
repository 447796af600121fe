import Dispatch
import Files
import Glibc
import Synchronization

/// The folder that configs are dropped into, and how they leave it.
///
///     configs/queue/             what is to be taken
///     configs/queue/rejected/    what could not be, each with `<name>.error.txt` beside it
///     configs/queue/.taken/      what is being compared, and
///     configs/queue/.accepted/   what is being removed: both empty but for a moment, or after a crash
///     configs/queue/.lock        held by the one process that takes from the folder
///
/// A file can be replaced at any moment, also between a look at it and its removal. So files are first moved
/// aside, where nobody else writes, then compared with what was read, and moved on to be removed or put back. What a crash left
/// in `.taken` is put back when the folder is opened, and what it left in `.accepted` removed: none is lost, and none that was
/// accepted and moved comes twice.
package final class SpoolFolder: Sendable {
  package let path: String
  package var rejectedPath: String { FilePath.join(path, "rejected") }
  private var takenPath: String { FilePath.join(path, ".taken") }
  private var acceptedPath: String { FilePath.join(path, ".accepted") }
  private let fileSystem: any FileSystem
  /// One file leaves at a time: two of one name would meet aside.
  private let moving = Mutex(())
  private let lock = Mutex<FileLock?>(nil)
  private let isExclusive: Bool

  /// Opens the folder, creating what is missing of it.
  ///
  /// Throws `FileError`, or `FileLock.Held` where another process takes from it.
  /// - Parameter isExclusive: whether the folder's lock is taken; without, the caller sees to it that nobody else takes from
  ///   the folder.
  package init(_ path: String, isExclusive: Bool = true, in fileSystem: any FileSystem) throws {
    self.path = path
    self.isExclusive = isExclusive
    self.fileSystem = fileSystem
    try fileSystem.createFolders(path)
    if isExclusive {
      let taken = try FileLock(FilePath.join(path, ".lock"))
      lock.withLock { $0 = taken }
    }
    try prepare()
  }

  /// Creates what is missing, and puts back what was left aside. Throws also where the folder is a new one that another
  /// process takes from.
  package func prepare() throws(FileError) {
    try moving.withLock { _ throws(FileError) in
      try createFolders()
      try holdLock()
      for name in try fileSystem.list(takenPath) { try putBack(name) }
      for name in try fileSystem.list(acceptedPath) {
        try fileSystem.remove(FilePath.join(acceptedPath, name))
      }
    }
  }

  /// Lets another process take from the folder.
  package func release() { lock.withLock { $0 = nil } }

  /// Whoever replaces the folder takes the lock's file with the old one.
  private func holdLock() throws(FileError) {
    guard isExclusive else { return }
    let path = FilePath.join(path, ".lock")
    let problem = lock.withLock { lock -> FileError? in
      if lock?.isInPlace == true { return nil }
      do {
        lock = try FileLock(path)
        return nil
      } catch let error as FileError {
        return error
      } catch {
        return FileError(.lock, path, code: EWOULDBLOCK)
      }
    }
    if let problem { throw problem }
  }

  /// What became of files that were to be removed.
  package struct Removal {
    /// The folder no longer holds that version: what has its name now stays, to be taken in turn.
    package var replaced: [SpooledFile] = []
    /// Still there, and why: to be tried again. What is not removed in the end comes again after a restart.
    package var failed: [(file: SpooledFile, error: FileError)] = []
    /// Why the removals may not be on the disk.
    package var syncError: FileError?
  }

  /// Removes files whose bytes are durable elsewhere by now, with one sync for all. One that cannot be removed does not keep
  /// the others.
  package func accept(_ files: [SpooledFile]) -> Removal {
    var removal = Removal()
    var aside: [(file: SpooledFile, path: String)] = []
    for file in files {
      do throws(FileError) {
        if let path = try moving.withLock({ _ throws(FileError) in try moveAside(file) }) {
          aside.append((file, path))
        } else {
          removal.replaced.append(file)
        }
      } catch {
        removal.failed.append((file, error))
      }
    }
    let failures = remove(aside.map(\.path))
    for (place, error) in failures.sorted(by: { $0.key < $1.key }) {
      removal.failed.append((aside[place].file, error))
    }
    if !aside.isEmpty {
      do throws(FileError) { try fileSystem.synchronizeFolder(path) } catch { removal.syncError = error }
    }
    return removal
  }

  /// The same for one file. Returns whether the folder still held that version.
  package func accept(_ file: SpooledFile) throws(FileError) -> Bool {
    let removal = accept([file])
    if let error = removal.failed.first?.error ?? removal.syncError { throw error }
    return removal.replaced.isEmpty
  }

  /// Removes files, several at a time: a disk that is told of each freed block takes its time for each. Returns the errors by
  /// their place.
  private func remove(_ paths: [String]) -> [Int: FileError] {
    let failures = Mutex<[Int: FileError]>([:])
    DispatchQueue.concurrentPerform(iterations: paths.count) { index in
      do throws(FileError) {
        try fileSystem.remove(paths[index])
      } catch {
        failures.withLock { $0[index] = error }
      }
    }
    return failures.withLock { $0 }
  }

  /// Moves an entry to `rejected/`, with the explanation beside it; returns its path there, or nil where the
  /// folder no longer holds that version.
  ///
  /// The explanation is on the disk before the file moves: a crash leaves the file in the queue, to be rejected
  /// again under the same name, or everything in place. Throws `FileError`.
  @discardableResult
  package func reject(_ entry: SpoolEntry, _ explanation: String) throws -> String? {
    try moving.withLock { _ -> String? in
      guard holds(entry, in: path) else { return nil }
      // Either may have been removed since.
      try createFolders()
      let name = RejectedName(entry.name).first { !isTaken(FilePath.join(rejectedPath, $0)) }
      let rejected = FilePath.join(rejectedPath, name)
      let text = rejected + ".error.txt"
      try DurableFile.write(
        explanation.hasSuffix("\n") ? explanation : explanation + "\n", to: text, in: fileSystem)
      do throws(FileError) {
        try move(entry.name, to: rejected)
      } catch {
        try? fileSystem.remove(text)
        if error.isMissing, !holds(entry, in: path) { return nil }
        throw error
      }
      let moved = SpoolEntry.look(at: SpoolPath.join(rejectedPath, SpoolName(name)), named: entry.name)
      guard let moved, moved.isSameVersion(as: entry) else {
        // Replaced in the moment before the move: the new one has not been looked at.
        try putBack(from: rejected, as: entry.name)
        try? fileSystem.remove(text)
        return nil
      }
      try fileSystem.synchronizeFolder(rejectedPath)
      return rejected
    }
  }

  /// Moves a file that was read, but holds no valid config, to `rejected/`. Throws `FileError`.
  @discardableResult
  package func reject(_ file: SpooledFile, _ explanation: String) throws -> String? {
    try reject(file.entry, explanation)
  }

  private func createFolders() throws(FileError) {
    try fileSystem.createFolders(path)
    for folder in [rejectedPath, takenPath, acceptedPath] where try fileSystem.createFolder(folder) {
      try fileSystem.synchronizeFolder(path)
    }
  }

  /// Moves a file to where it is to be removed; returns where it is then, or nil where the folder no longer holds that
  /// version.
  private func moveAside(_ file: SpooledFile) throws(FileError) -> String? {
    let queued = FilePath.join(path, file.name)
    let aside = FilePath.join(takenPath, file.name)
    let accepted = FilePath.join(acceptedPath, file.name)
    // Left by a removal that failed.
    if holds(file.entry, in: acceptedPath) { return accepted }
    if !holds(file.entry, in: takenPath) {
      guard holds(file.entry, in: path) else { return nil }
      try createFolders()
      // Left behind by a failure: not read yet, for all we know.
      if isTaken(aside) { try putBack(file.name) }
      do throws(FileError) {
        try fileSystem.rename(queued, to: aside)
      } catch {
        if error.isMissing, !isTaken(queued) { return nil }
        throw error
      }
      guard holds(file.entry, in: takenPath) else {
        try putBack(file.name)
        return nil
      }
    }
    // One that is there is of an earlier acceptance.
    try fileSystem.rename(aside, to: accepted)
    return accepted
  }

  private func holds(_ entry: SpoolEntry, in folder: String) -> Bool {
    SpoolEntry.look(at: SpoolPath.join(folder, entry.name), named: entry.name)?.isSameVersion(as: entry)
      ?? false
  }

  /// Whether there is anything at `path`, a link that leads nowhere included.
  private func isTaken(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  private func move(_ name: SpoolName, to newPath: String) throws(FileError) {
    if let text = name.text { return try fileSystem.rename(FilePath.join(path, text), to: newPath) }
    // `FileSystem` knows names that are text alone.
    if rename(SpoolPath.join(path, name), newPath) != 0 {
      throw FileError(.rename, FilePath.join(path, name.description), code: errno)
    }
  }

  private func putBack(_ name: String) throws(FileError) {
    try putBack(from: FilePath.join(takenPath, name), as: SpoolName(name))
  }

  /// Gives a file its place in the queue again; where that is taken by now, one beside it.
  private func putBack(from source: String, as name: SpoolName) throws(FileError) {
    if !isThere(name), let text = name.text {
      return try fileSystem.rename(source, to: FilePath.join(path, text))
    }
    let free = RejectedName(name).first { !isThere(SpoolName($0)) }
    try fileSystem.rename(source, to: FilePath.join(path, free))
  }

  private func isThere(_ name: SpoolName) -> Bool {
    SpoolEntry.look(at: SpoolPath.join(path, name), named: name) != nil
  }
}
