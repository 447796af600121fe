import Files
import Glibc

/// Wakes whoever waits for changes in a folder (inotify). Where the system has no watch left, it wakes them every second.
///
/// For one thread at a time.
final class PathWatch {
  private let descriptor: Int32
  private var watched: (path: String, number: Int32)?
  /// Why nothing tells of changes.
  private(set) var problem: FileError?

  private static let blindMilliseconds: Int32 = 1_000

  init() {
    descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    if descriptor < 0 { problem = FileError(.watch, "files", code: errno) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Watches that folder and none else. Returns whether it was not the one before: then all is to be looked at again, for what
  /// came before the watch.
  func attend(_ path: String) -> Bool {
    guard descriptor >= 0, path != watched?.path else { return false }
    if let watched { inotify_rm_watch(descriptor, watched.number) }
    watched = nil
    let events = UInt32(IN_MODIFY) | UInt32(IN_MOVED_TO) | UInt32(IN_CREATE) | UInt32(IN_DELETE_SELF)
    let number = inotify_add_watch(descriptor, path, events)
    guard number >= 0 else {
      let error = FileError(.watch, path, code: errno)
      // The folder may have gone since somebody looked for it.
      if !error.isMissing { problem = error }
      return error.isMissing
    }
    watched = (path, number)
    problem = nil
    return true
  }

  /// Returns after a change, or after so many milliseconds; -1 stands for no end.
  func wait(milliseconds: Int32) {
    let isBlind = watched == nil
    let longest =
      !isBlind
      ? milliseconds : milliseconds < 0 ? Self.blindMilliseconds : min(milliseconds, Self.blindMilliseconds)
    var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&event, isBlind ? 0 : 1, longest) > 0 else { return }
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while read(descriptor, &buffer, buffer.count) > 0 {}
  }
}
