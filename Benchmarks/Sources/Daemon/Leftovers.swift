import Dispatch
import Foundation
import Synchronization

/// Processes and folders that must not outlive a benchmark that a signal ends.
enum Leftovers {
  private struct State {
    var processes: Set<pid_t> = []
    var folders: Set<String> = []
  }

  private static let state = Mutex(State())
  private static let signals = [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler { clearAndExit(128 + number) }
    source.activate()
    return UncheckedSource(source: source)
  }

  private struct UncheckedSource: @unchecked Sendable {
    // Sendable invariant: nobody touches it after it is made.
    let source: any DispatchSourceSignal
  }

  static func add(process: pid_t) {
    _ = signals
    state.withLock { _ = $0.processes.insert(process) }
  }

  static func remove(process: pid_t) { state.withLock { _ = $0.processes.remove(process) } }

  static func add(folder: String) {
    _ = signals
    state.withLock { _ = $0.folders.insert(folder) }
  }

  static func remove(folder: String) {
    state.withLock { _ = $0.folders.remove(folder) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  private static func clearAndExit(_ code: Int32) {
    // The lock is kept: nothing new begins.
    state.withLock { state in
      for process in state.processes {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
      }
      for folder in state.folders {
        // The benchmark itself may be writing files there still: what it adds goes in the next turn.
        for _ in 0..<10 where access(folder, F_OK) == 0 {
          try? FileManager.default.removeItem(atPath: folder)
        }
      }
      exit(code)
    }
  }
}
