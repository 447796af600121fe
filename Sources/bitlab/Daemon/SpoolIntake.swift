import CSystem
import Experiments
import Files
import Scheduler
import Synchronization

/// Takes what the watched folder delivers: into the journal first, then out of the folder.
final class SpoolIntake: Sendable {
  private let folder: SpoolFolder
  private let core: DaemonCore
  /// Files that are in the journal and could not be removed: when they are offered again they are removed, and not
  /// submitted once more, which would let go on what has been cancelled meanwhile.
  private let unremoved = Mutex<[SpoolName: SpoolEntry]>([:])

  init(folder: SpoolFolder, core: DaemonCore) {
    self.folder = folder
    self.core = core
  }

  /// So many files at once are read, parsed and journaled with memory that is not needed again soon.
  private static let largeBatch = 100

  /// Returns what has to be offered again: the disk did not allow to be done with it.
  func take(_ batch: SpoolBatch) -> [SpoolName] {
    defer { if batch.files.count >= Self.largeBatch { csystem_trim_heaps() } }
    for notice in batch.notices { core.log.write("\(notice)") }
    var left = batch.refusals.filter { refusal in
      let path = FilePath.join(folder.path, "\(refusal.entry.name)")
      return !reject(refusal.entry, "\(path): \(refusal.reason)")
    }.map(\.entry.name)
    let known = unremoved.withLock { unremoved in
      batch.files.filter { unremoved[$0.entry.name]?.isSameVersion(as: $0.entry) == true }
    }
    let files = batch.files.filter { !known.contains($0) }
    let configs = files.map {
      ConfigurationFile(path: FilePath.join(folder.path, $0.name), bytes: $0.bytes)
    }
    let receipts: [DaemonCore.Receipt]
    do {
      receipts = configs.isEmpty ? [] : try core.submit(configs)
    } catch {
      core.log.write("the watched folder's files stay where they are: \(error)")
      return left + files.map(\.entry.name) + remove(known)
    }
    var accepted = known
    for (file, receipt) in zip(files, receipts) {
      if receipt.outcome != .refused {
        accepted.append(file)
      } else if !reject(file.entry, receipt.text) {
        left.append(file.entry.name)
      }
    }
    return left + remove(accepted)
  }

  /// Removes files that are in the journal; returns those that may still be there.
  private func remove(_ files: [SpooledFile]) -> [SpoolName] {
    guard !files.isEmpty else { return [] }
    do {
      _ = try folder.accept(files)
      unremoved.withLock { unremoved in
        if !unremoved.isEmpty { for file in files { unremoved[file.entry.name] = nil } }
      }
      return []
    } catch {
      core.log.write("\(error)")
      unremoved.withLock { unremoved in for file in files { unremoved[file.entry.name] = file.entry } }
      return files.map(\.entry.name)
    }
  }

  /// Whether that is done.
  private func reject(_ entry: SpoolEntry, _ explanation: String) -> Bool {
    do {
      if let path = try folder.reject(entry, explanation + "\n") {
        core.log.write("refused: \(path): \(explanation)")
      }
      return true
    } catch {
      core.log.write("\(error)")
      return false
    }
  }
}
