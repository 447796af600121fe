import Foundation
import Synchronization

/// Where the program speaks: results on stdout, everything else on stderr.
final class Console: Sendable {
  let verbosity: Arguments.Verbosity
  /// Whether stderr can be redrawn.
  let isInteractive: Bool
  private let coloredStreams: Set<Int32>
  private let streams: any OutputStreams
  private let lock = Mutex(())
  private let lostResults = Mutex(false)
  private let printed = Mutex(false)
  private let problem = Mutex<String?>(nil)

  enum Style: String {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
  }

  init(
    _ arguments: Arguments, environment: [String: String], streams: any OutputStreams = StandardStreams()
  ) {
    verbosity = arguments.verbosity
    self.streams = streams
    let isDumb = environment["TERM"] == "dumb"
    isInteractive = streams.isTerminal(STDERR_FILENO) && !isDumb && verbosity > .quiet && !arguments.json
    let both: Set = [STDOUT_FILENO, STDERR_FILENO]
    switch arguments.color {
    case .always: coloredStreams = both
    case .never: coloredStreams = []
    case .auto:
      let noColor = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
      coloredStreams = noColor || isDumb ? [] : both.filter { streams.isTerminal($0) }
    }
  }

  /// Text for stderr, or for `result`, in a style where that stream is to have any.
  func styled(_ text: String, _ style: Style, inResult: Bool = false) -> String {
    guard style != .plain, coloredStreams.contains(inResult ? STDOUT_FILENO : STDERR_FILENO) else {
      return text
    }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  /// A result, on stdout.
  func result(_ text: String) {
    printed.withLock { $0 = true }
    guard let code = write(text + "\n", to: STDOUT_FILENO) else { return }
    // Whoever reads a pipe may stop when they have seen enough; anything else is a loss.
    if code != EPIPE,
      !lostResults.withLock({ lost in
        defer { lost = true }
        return lost
      })
    {
      error("cannot write to stdout: \(String(cString: strerror(code)))")
    }
  }

  /// Whether anything went to stdout.
  var hasPrintedResult: Bool { printed.withLock { $0 } }

  /// What was last said to have gone wrong.
  var lastProblem: String? { problem.withLock { $0 } }

  /// Whether a result could not be written.
  var hasLostResults: Bool { lostResults.withLock { $0 } }

  /// An error, always shown.
  func error(_ text: String) {
    problem.withLock { $0 = text }
    write("\(styled("bitlab:", .red)) \(text)\n", to: STDERR_FILENO)
  }

  /// Text that already names its place, always shown.
  func diagnostics(_ text: String) {
    problem.withLock { $0 = text }
    write(text + "\n", to: STDERR_FILENO)
  }

  /// What goes on, unless asked to be quiet.
  func info(_ text: String) {
    if verbosity > .quiet { write(text + "\n", to: STDERR_FILENO) }
  }

  /// Details, when asked for.
  func detail(_ text: String) {
    if verbosity == .verbose { write(text + "\n", to: STDERR_FILENO) }
  }

  /// Escape sequences and text as they are, to stderr.
  func draw(_ text: String) { write(text, to: STDERR_FILENO) }

  /// Whole lines as they are, to stdout.
  func resultLines(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// Returns the system's error where not all could be written.
  @discardableResult
  private func write(_ text: String, to descriptor: Int32) -> Int32? {
    lock.withLock { _ in
      var bytes = Array(text.utf8)[...]
      while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { streams.write($0, to: descriptor) }
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return count < 0 ? errno : EIO }
        bytes = bytes.dropFirst(count)
      }
      return nil
    }
  }

  /// The terminal's size now, or 80 columns by 24 rows.
  static var size: (columns: Int, rows: Int) {
    var window = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else { return (80, 24) }
    return (Int(window.ws_col), Int(window.ws_row))
  }
}

/// Where a console's two streams lead.
protocol OutputStreams: Sendable {
  func isTerminal(_ descriptor: Int32) -> Bool
  /// As the system's `write`: how many bytes it took, or -1 with `errno`.
  func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int
}

/// The process's own.
struct StandardStreams: OutputStreams {
  func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
    Foundation.write(descriptor, bytes.baseAddress, bytes.count)
  }
}
