import Files
import Foundation
import Scheduler
import Synchronization

/// Files of the watched folder that are in the journal and could not be removed, since they are another user's or immutable.
///
/// When they are offered again they are removed, and not submitted once more, which would let go on what has been cancelled
/// meanwhile. They are kept in a file too: the next process is offered them as well.
final class UnremovedConfigs: Sendable {
  private let path: String
  private let files: any FileSystem
  private let log: @Sendable (String) -> Void
  private let known: Mutex<[String: FileIdentity]>

  /// - Parameter path: of the file that keeps them.
  init(_ path: String, in files: any FileSystem, log: @escaping @Sendable (String) -> Void) {
    self.path = path
    self.files = files
    self.log = log
    var known: [String: FileIdentity] = [:]
    if files.exists(path) {
      do {
        known = try JSONDecoder().decode([String: FileIdentity].self, from: Data(try files.readAll(path)))
      } catch {
        // Nothing unreadable is overwritten.
        let newPath = try? DamagedFile.putAside(path, in: files)
        log(
          "\(path) cannot be read"
            + (newPath.map { " and is kept as \($0)" } ?? "")
            + ": configs that could not be removed are submitted again")
      }
    }
    self.known = Mutex(known)
  }

  func has(_ file: SpooledFile) -> Bool {
    known.withLock { $0[file.name] == file.identity }
  }

  /// Takes note of a removal: of these files, only some are `left`.
  func update(done: [SpooledFile], left: [SpooledFile]) {
    known.withLock { known in
      let before = known
      if !known.isEmpty { for file in done { known[file.name] = nil } }
      for file in left { known[file.name] = file.identity }
      guard known != before else { return }
      do {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try DurableFile.write(Array(try encoder.encode(known)), to: path, in: files)
      } catch {
        log("\(error)")
      }
    }
  }
}
