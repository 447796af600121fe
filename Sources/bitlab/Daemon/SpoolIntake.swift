import Experiments
import Files
import Scheduler

/// Takes what the watched folder delivers: into the journal first, then out of the folder.
struct SpoolIntake: Sendable {
  let folder: SpoolFolder
  let core: DaemonCore

  /// Returns what has to be offered again: the disk did not allow to be done with it.
  func take(_ batch: SpoolBatch) -> [SpoolName] {
    for notice in batch.notices { core.log.write("\(notice)") }
    var left = batch.refusals.filter { refusal in
      let path = FilePath.join(folder.path, "\(refusal.entry.name)")
      return !reject(refusal.entry, "\(path): \(refusal.reason)")
    }.map(\.entry.name)
    guard !batch.files.isEmpty else { return left }
    let configs = batch.files.map {
      ConfigurationFile(path: FilePath.join(folder.path, $0.name), bytes: $0.bytes)
    }
    let receipts: [DaemonCore.Receipt]
    do {
      receipts = try core.submit(configs)
    } catch {
      core.log.write("the watched folder's files stay where they are: \(error)")
      return left + batch.files.map(\.entry.name)
    }
    var accepted: [SpooledFile] = []
    for (file, receipt) in zip(batch.files, receipts) {
      if receipt.outcome != .refused {
        accepted.append(file)
      } else if !reject(file.entry, receipt.text) {
        left.append(file.entry.name)
      }
    }
    do {
      _ = try folder.accept(accepted)
    } catch {
      // They are in the journal: when they come again they are recognized.
      core.log.write("\(error)")
      left += accepted.map(\.entry.name)
    }
    return left
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
