import Experiments
import Files
import Scheduler

/// Takes what the watched folder delivers: into the journal first, then out of the folder.
struct SpoolIntake: Sendable {
  let folder: SpoolFolder
  let core: DaemonCore

  func take(_ batch: SpoolBatch) -> [SpoolName] {
    for notice in batch.notices { core.log.write("\(notice)") }
    for refusal in batch.refusals {
      reject(refusal.entry, "\(FilePath.join(folder.path, "\(refusal.entry.name)")): \(refusal.reason)")
    }
    guard !batch.files.isEmpty else { return [] }
    let configs = batch.files.map {
      ConfigurationFile(path: FilePath.join(folder.path, $0.name), bytes: $0.bytes)
    }
    let receipts: [DaemonCore.Receipt]
    do {
      receipts = try core.submit(configs)
    } catch {
      core.log.write("the watched folder's files stay where they are: \(error)")
      return batch.files.map(\.entry.name)
    }
    var accepted: [SpooledFile] = []
    for (file, receipt) in zip(batch.files, receipts) {
      if receipt.outcome == .refused { reject(file.entry, receipt.text) } else { accepted.append(file) }
    }
    do {
      _ = try folder.accept(accepted)
    } catch {
      // They are in the journal: when they come again they are recognized.
      core.log.write("\(error)")
    }
    return []
  }

  private func reject(_ entry: SpoolEntry, _ explanation: String) {
    do {
      if let path = try folder.reject(entry, explanation + "\n") {
        core.log.write("refused: \(path): \(explanation)")
      }
    } catch {
      core.log.write("\(error)")
    }
  }
}
