import Foundation
import Testing

/// A terminal that a program writes to, and a test reads.
final class PseudoTerminal {
  private let master: Int32
  private let slave: Int32
  private(set) var said = ""
  private var readCount = 0

  init(columns: UInt16 = 80, rows: UInt16 = 24) throws {
    // As posix_openpt, unlockpt and ptsname do it, which Foundation does not show here.
    let (setLock, getNumber) = (UInt(0x4004_5431), UInt(0x8004_5430))
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var (locked, number) = (Int32(0), Int32(0))
    try #require(master >= 0)
    try #require(ioctl(master, setLock, &locked) == 0)
    try #require(ioctl(master, getNumber, &number) == 0)
    slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(slave >= 0)
    self.master = master
    try resize(columns: columns, rows: rows)
  }

  deinit { close(master) }

  func resize(columns: UInt16, rows: UInt16) throws {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    try #require(ioctl(master, UInt(TIOCSWINSZ), &size) == 0)
  }

  /// Takes nothing more, as after Ctrl-S.
  func stop() throws { try #require(tcflow(slave, TCOOFF) == 0) }

  /// Begins to run a process whose stderr is the terminal. Once.
  func run(_ process: Process) throws {
    process.standardError = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
    defer { close(slave) }
    try process.run()
  }

  /// Begins to run a process that has the terminal for all it reads and writes. Once.
  func runWhole(_ process: Process) throws {
    let terminal = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
    process.standardInput = terminal
    process.standardOutput = terminal
    try run(process)
  }

  /// As from its keyboard.
  func type(_ keys: String) throws {
    let bytes = Array(keys.utf8)
    try #require(write(master, bytes, bytes.count) == bytes.count)
  }

  /// Waits until what is written from now on, without styles, ends with a text; returns all of it.
  func readText(until end: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let deadline = Date(timeIntervalSinceNow: 60)
    while true {
      let text = said.dropFirst(readCount).replacing(/\u{1B}\[\d+m/, with: "")
      if text.hasSuffix(end) {
        readCount = said.count
        return String(text)
      }
      var request = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      let isMore = poll(&request, 1, 1_000) == 0 ? Date() < deadline : readMore()
      try #require(isMore, "no \(end) came: \(said.suffix(2000))", sourceLocation: sourceLocation)
    }
  }

  /// Waits for more to be written; false once the program has closed its end.
  func readMore() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(master, &buffer, buffer.count)
    if count > 0 { said += String(decoding: buffer[..<count], as: UTF8.self) }
    return count > 0
  }

  /// How a frame is taken back.
  static var erased: Regex<Substring> { /\r\u{1B}\[K(?:\u{1B}\[A\u{1B}\[K)+/ }

  /// What a person sees, if the terminal is high enough: its lines without styles and without the empty ones at the end.
  var screen: [String] {
    var lines: [[Character]] = [[]]
    var (row, column) = (0, 0)
    var rest = said[...]
    while let character = rest.popFirst() {
      if character == "\u{1B}", rest.first == "[" {
        let sequence = rest.dropFirst().prefix { !$0.isLetter }
        let command = rest.dropFirst(1 + sequence.count).first
        rest = rest.dropFirst(2 + sequence.count)
        switch command {
        case "A": row = max(0, row - (Int(sequence) ?? 1))
        case "K":
          lines[row].removeSubrange(min(column, lines[row].count)...)
        default: break
        }
        continue
      }
      switch character {
      case "\r": column = 0
      // Swift takes the two for one character.
      case "\n", "\r\n":
        row += 1
        if character == "\r\n" { column = 0 }
        if row == lines.count { lines.append([]) }
      default:
        while lines[row].count <= column { lines[row].append(" ") }
        lines[row][column] = character
        column += 1
      }
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { String($0) }
  }

  /// Waits until a table that was drawn over by the next one, as its lines without styles, is as expected.
  func waitForFrame(_ isExpected: ([String]) -> Bool, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    var seen = said.count
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline {
      let more = readMore()
      let frames = said.dropFirst(seen).split(
        separator: Self.erased, omittingEmptySubsequences: false)
      for frame in frames.dropLast() {
        let lines = frame.replacing(/\u{1B}\[\d+m/, with: "").split(separator: "\r\n").map(String.init)
        if isExpected(lines) { return }
      }
      if let last = frames.last { seen = said.count - last.count }
      try #require(more, "the program ended before: \(said.suffix(2000))", sourceLocation: sourceLocation)
    }
    Issue.record("not drawn in a minute: \(said.suffix(2000))", sourceLocation: sourceLocation)
  }
}
