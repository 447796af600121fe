import CSystem
import Experiments
import Files
import Scheduler

/// Takes what the watched folder delivers: into the journal first, then out of the folder.
final class SpoolIntake: Sendable {
  private let folder: SpoolFolder
  private let core: DaemonCore
  private let unremoved: UnremovedConfigs

  init(folder: SpoolFolder, core: DaemonCore, unremoved: UnremovedConfigs) {
    self.folder = folder
    self.core = core
    self.unremoved = unremoved
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
    let known = batch.files.filter { unremoved.has($0) }
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
    let removal = folder.accept(files)
    for (_, error) in removal.failed { core.log.write("\(error)") }
    if let error = removal.syncError { core.log.write("\(error)") }
    unremoved.update(done: files, left: removal.failed.map(\.file))
    return removal.failed.map(\.file.entry.name)
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
