import Dispatch
import Foundation
import Synchronization

/// Writes to one of the process's streams on a queue of its own: a terminal that is stopped, or a pipe that nobody reads,
/// keeps that queue waiting and nobody else.
///
/// The stream's own flags stay as they are: it is shared with whoever started the program.
final class StreamWriter: Sendable {
  private struct State {
    var text: ScreenText
    var isWriting = false
    /// The system's error of the first failure.
    var failure: Int32?
  }

  private let descriptor: Int32
  private let streams: any OutputStreams
  private let queue: DispatchQueue
  private let state: Mutex<State>
  /// Entered while there is something to write.
  private let writing = DispatchGroup()

  init(_ descriptor: Int32, _ streams: any OutputStreams, _ text: ScreenText) {
    self.descriptor = descriptor
    self.streams = streams
    queue = DispatchQueue(label: "bitlab.stream.\(descriptor)", qos: .userInitiated)
    state = Mutex(State(text: text))
  }

  /// Changes what is to be shown. Does not wait for it to be written.
  func change(_ body: @Sendable (inout ScreenText) -> Void) {
    let begins = state.withLock { state in
      body(&state.text)
      if state.isWriting { return false }
      state.isWriting = true
      writing.enter()
      return true
    }
    if begins { queue.async { [self] in writeAll() } }
  }

  /// Waits until all is written; false where it was not by then.
  @discardableResult
  func drain(until deadline: DispatchTime) -> Bool { writing.wait(timeout: deadline) == .success }

  /// The system's error, where something could not be written.
  var failure: Int32? { state.withLock { $0.failure } }

  private func writeAll() {
    while let batch = next() {
      if let code = write(batch.bytes) {
        state.withLock { state in
          state.failure = state.failure ?? code
          state.text.lost(batch)
        }
      }
    }
    writing.leave()
  }

  private func next() -> BoundedLines.Batch? {
    let columns = streams.columns(of: descriptor)
    return state.withLock { state in
      let batch = state.text.take(columns: columns)
      if batch == nil { state.isWriting = false }
      return batch
    }
  }

  /// Returns the system's error where not all could be written.
  private func write(_ bytes: [UInt8]) -> Int32? {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes
      while !rest.isEmpty {
        let count = streams.write(rest, to: descriptor)
        if count > 0 {
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
          continue
        }
        let code = count < 0 ? errno : EIO
        switch code {
        case EINTR: continue
        // Whoever shares the stream has made it non-blocking.
        case EAGAIN: streams.waitForRoom(in: descriptor)
        default: return code
        }
      }
      return nil
    }
  }
}
