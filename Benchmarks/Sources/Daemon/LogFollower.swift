import Foundation

/// Reads a log's lines as they are written, each with the time at which it was seen.
///
/// The system tells of every write (inotify), so following costs nothing while nothing is written. The log may be put
/// aside and begun anew meanwhile.
final class LogFollower {
  struct Line {
    var text: String
    var time: Double
  }

  private let path: String
  private let events: Int32
  private var file: Int32
  /// The beginning of a line whose end is not there yet.
  private var unfinished: [UInt8] = []
  private var lines: [Line] = []
  private var next = 0

  /// Begins at the log's end.
  init(_ path: String) throws {
    self.path = path
    events = inotify_init1(Int32(IN_CLOEXEC))
    file = open(path, O_RDONLY | O_CLOEXEC)
    guard events >= 0, file >= 0 else { throw BenchmarkProblem("\(path) cannot be followed") }
    // Watched first: what is written in between is read after the next event, never missed for good.
    watch()
    lseek(file, 0, SEEK_END)
  }

  deinit {
    close(file)
    close(events)
  }

  /// Waits for the next line that ends so.
  ///
  /// - Parameter patience: seconds without any line after which it throws.
  func line(endingIn ending: String, patience: Double = 300) throws -> Line {
    try line(patience: patience) { $0.hasSuffix(ending) }
  }

  func line(patience: Double = 300, where matches: (String) -> Bool) throws -> Line {
    while true {
      while next < lines.count {
        next += 1
        if matches(lines[next - 1].text) { return lines[next - 1] }
      }
      lines = []
      next = 0
      try wait(seconds: patience)
    }
  }

  private func watch() { inotify_add_watch(events, path, UInt32(IN_MODIFY | IN_MOVE_SELF)) }

  private func wait(seconds: Double) throws {
    var entry = pollfd(fd: events, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, Int32(seconds * 1000)) > 0 else {
      throw BenchmarkProblem("\(path): nothing was written for \(Int(seconds)) seconds")
    }
    // Each event has 16 bytes, since the watch is on a file: what happened is of no interest but for a new file, as
    // every wake-up reads all there is.
    var buffer = [UInt8](repeating: 0, count: 1 << 12)
    let count = Glibc.read(events, &buffer, buffer.count)
    let hasMoved = buffer.withUnsafeBytes { bytes in
      stride(from: 0, to: max(count, 0), by: 16).contains {
        bytes.loadUnaligned(fromByteOffset: $0 + 4, as: UInt32.self) & UInt32(IN_MOVE_SELF) != 0
      }
    }
    if hasMoved { reopen() } else { read() }
  }

  private func reopen() {
    read()
    var new: Int32 = -1
    while new < 0 {
      new = open(path, O_RDONLY | O_CLOEXEC)
      if new < 0 { usleep(1000) }
    }
    close(file)
    file = new
    watch()
    read()
  }

  private func read() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      guard count > 0 else { break }
      unfinished += buffer[..<count]
    }
    let time = MonotonicClock.now
    let newline = UInt8(ascii: "\n")
    guard let end = unfinished.lastIndex(of: newline) else { return }
    lines += unfinished[..<end].split(separator: newline).map {
      Line(text: String(decoding: $0, as: UTF8.self), time: time)
    }
    unfinished.removeSubrange(...end)
  }
}
