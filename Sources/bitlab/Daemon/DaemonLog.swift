import Experiments
import Files
import Foundation
import Synchronization

/// The daemon's log: each line on stderr and in a file, which is put aside when it has grown large.
final class DaemonLog: Sendable {
  private let path: String
  private let console: Console
  private let files: any FileSystem
  private let state = Mutex(State())

  private struct State {
    var file: AppendingFile?
    /// Whether the file is to be written, as soon as it can be opened.
    var isWanted = false
  }

  /// Bytes after which a file is put aside, as `.1`; the one before it is given up.
  private let largest: Int

  init(_ path: String, _ console: Console, files: any FileSystem, largest: Int = 10 << 20) {
    self.path = path
    self.console = console
    self.files = files
    self.largest = largest
  }

  func write(_ text: String) {
    let line = "\(RunRecord.timestamp(Date())) \(text)"
    console.info(line)
    state.withLock { state in
      if state.isWanted, state.file == nil { open(&state) }
      // The log must not bring the daemon down: without room it is on stderr alone.
      try? state.file?.append(line + "\n")
      if let file = state.file, file.length > largest { rotate(&state) }
    }
  }

  /// Opens the file. Before, it is another process's.
  func begin() {
    state.withLock { state in
      state.isWanted = true
      open(&state)
    }
  }

  /// Opens the file by its name again: somebody moved it.
  func reopen() {
    state.withLock { state in
      if state.isWanted { open(&state) }
    }
  }

  private func open(_ state: inout State) {
    state.file = try? AppendingFile(path, .afterLastWholeRow, in: files)
  }

  private func rotate(_ state: inout State) {
    state.file = nil
    try? files.rename(path, to: path + ".1")
    open(&state)
  }
}
