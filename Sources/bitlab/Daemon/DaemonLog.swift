import Experiments
import Files
import Foundation
import Synchronization

/// The daemon's log: each line on stderr and in a file, which is put aside when it has grown large.
final class DaemonLog: Sendable {
  private let path: String
  private let console: Console
  private let files: any FileSystem
  private let file = Mutex<AppendingFile?>(nil)

  /// Bytes after which a file is put aside, as `.1`; the one before it is given up.
  private static let largest = 10 << 20

  init(_ path: String, _ console: Console, files: any FileSystem) {
    self.path = path
    self.console = console
    self.files = files

  }

  func write(_ text: String) {
    let line = "\(RunRecord.timestamp(Date())) \(text)"
    console.info(line)
    let isFull = file.withLock { file in
      // The log must not bring the daemon down: without room it is on stderr alone.
      try? file?.append(line + "\n")
      return (file?.length ?? 0) > Self.largest
    }
    if isFull { rotate() }
  }

  /// Opens the file by its name again: somebody moved it.
  func reopen() {
    file.withLock { $0 = try? AppendingFile(path, .afterLastWholeRow, in: files) }
  }

  private func rotate() {
    file.withLock { file in
      file = nil
      try? files.rename(path, to: path + ".1")
      file = try? AppendingFile(path, .afterLastWholeRow, in: files)
    }
  }
}
