import Files
import Glibc

/// The system's events of one folder at a time (inotify).
///
/// Not for use by two threads at once.
final class FolderEvents {
  enum Event: Hashable, Sendable {
    case entry(SpoolState.Signal, SpoolName)
    /// The folder was removed, moved or unmounted.
    case folderGone
    /// Events were dropped.
    case overflow
  }

  private static let mask =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR

  /// Readable when there are events. Whoever gets it closes it.
  let descriptor: Int32
  private var watch: Int32?

  init() throws(FileError) {
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    if descriptor < 0 { throw FileError(.watch, "folders", code: errno) }
  }

  var isWatching: Bool { watch != nil }

  /// Watches the folder at `path` and no longer the one before.
  func watch(_ path: String) throws(FileError) {
    stopWatching()
    let number = inotify_add_watch(descriptor, path, UInt32(Self.mask))
    if number < 0 { throw FileError(.watch, path, code: errno) }
    watch = number
  }

  func stopWatching() {
    if let watch { inotify_rm_watch(descriptor, watch) }
    watch = nil
  }

  /// All events that are there now, of the folder that is watched now.
  func take() -> [Event] {
    var events: [Event] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return events }
      buffer.withUnsafeBytes { parse(UnsafeRawBufferPointer(rebasing: $0[..<count]), into: &events) }
    }
  }

  /// Each event: watch, mask, cookie, length of the name field, and the name, padded with zeros.
  private func parse(_ bytes: UnsafeRawBufferPointer, into events: inout [Event]) {
    var offset = 0
    while offset + 16 <= bytes.count {
      let number = bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)
      let mask = Int32(bitPattern: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
      let name = SpoolName(bytes: Array(bytes[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }))
      offset += 16 + length
      if mask & Int32(IN_Q_OVERFLOW) != 0 {
        events.append(.overflow)
      } else if number == watch {
        if mask & Int32(IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT) != 0 {
          if mask & Int32(IN_IGNORED) != 0 { watch = nil }
          events.append(.folderGone)
        } else if let signal = signal(mask) {
          events.append(.entry(signal, name))
        }
      }
    }
  }

  private func signal(_ mask: Int32) -> SpoolState.Signal? {
    if mask & Int32(IN_CREATE) != 0 { return .created }
    if mask & Int32(IN_MOVED_TO) != 0 { return .movedIn }
    if mask & Int32(IN_CLOSE_WRITE) != 0 { return .closed }
    if mask & Int32(IN_MODIFY) != 0 { return .written }
    return nil
  }
}
