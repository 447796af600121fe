import Dispatch
import Experiments
import Files
import Foundation
import Synchronization

/// The daemon's log: each line on stderr and in a file, which is put aside when it has grown large.
///
/// The file is written on a queue of its own: whoever has something to say waits neither for a terminal nor for the disk.
/// Of lines that a disk does not take so many wait; the others are counted, and a line says how many are missing.
final class DaemonLog: Sendable {
  private let path: String
  private let console: Console
  private let files: any FileSystem
  private let state: Mutex<State>
  private let queue = DispatchQueue(label: "bitlab.log", qos: .utility)
  /// Entered while there is something to write.
  private let writing = DispatchGroup()
  /// Bytes after which a file is put aside, as `.1`; the one before it is given up.
  private let largest: Int

  private struct State {
    var lines: BoundedLines
    /// Lines that belong into the file that was open until somebody asked for another one.
    var linesOfTheFileBefore: BoundedLines.Batch?
    /// Whether the file is to be opened by its name again.
    var isReopening = false
    /// Whether the file is to be written, as soon as it can be opened.
    var isWanted = false
    var isWriting = false
  }

  private struct Output {
    var file: AppendingFile?
  }

  /// What is open. On the queue alone.
  private let output = Mutex(Output())

  init(
    _ path: String, _ console: Console, files: any FileSystem, largest: Int = 10 << 20,
    mostWaiting: Int = 1 << 20
  ) {
    self.path = path
    self.console = console
    self.files = files
    self.largest = largest
    let lines = BoundedLines(capacity: mostWaiting) {
      "\(RunRecord.timestamp(Date())) \($0) line\($0 == 1 ? " is" : "s are") missing here: the log could not be written"
    }
    state = Mutex(State(lines: lines))
  }

  func write(_ text: String) {
    let line = "\(RunRecord.timestamp(Date())) \(text.inMessage())"
    if console.verbosity > .quiet { console.line(line) }
    change { if $0.isWanted { $0.lines.add(line) } }
  }

  /// Opens the file. Before, it is another process's.
  func begin() {
    change {
      $0.isWanted = true
      $0.isReopening = true
    }
  }

  /// Opens the file by its name again: somebody moved it.
  func reopen() {
    change { state in
      guard state.isWanted, !state.isReopening else { return }
      state.isReopening = true
      state.linesOfTheFileBefore = state.lines.take()
    }
  }

  /// Returns when all that was said is in the file; gives up after a while where the disk does not take it.
  func finish(within seconds: Double = 2) { _ = writing.wait(timeout: .now() + seconds) }

  private func change(_ body: (inout State) -> Void) {
    let begins = state.withLock { state in
      body(&state)
      if state.isWriting { return false }
      state.isWriting = true
      writing.enter()
      return true
    }
    if begins { queue.async { [self] in writeAll() } }
  }

  // MARK: - On the queue

  private enum Step {
    case write(BoundedLines.Batch)
    case open
  }

  private func writeAll() {
    while let step = next() {
      switch step {
      case .open: open()
      case .write(let batch):
        // The log must not bring the daemon down: without room it is on stderr alone.
        if !write(batch) { state.withLock { $0.lines.lost(batch) } }
      }
    }
    writing.leave()
  }

  private func next() -> Step? {
    state.withLock { state in
      if let batch = state.linesOfTheFileBefore.take() { return .write(batch) }
      if state.isReopening {
        state.isReopening = false
        return .open
      }
      if let batch = state.lines.take() { return .write(batch) }
      state.isWriting = false
      return nil
    }
  }

  private func open() {
    output.withLock { $0.file = try? AppendingFile(path, .afterLastWholeRow, in: files) }
  }

  private func write(_ batch: BoundedLines.Batch) -> Bool {
    if output.withLock({ $0.file == nil }) { open() }
    let (isWritten, isLarge) = output.withLock { output in
      guard let file = output.file, (try? file.append(batch.bytes)) != nil else { return (false, false) }
      return (true, file.length > largest)
    }
    if isLarge {
      output.withLock { $0.file = nil }
      try? files.rename(path, to: path + ".1")
      open()
    }
    return isWritten
  }
}
