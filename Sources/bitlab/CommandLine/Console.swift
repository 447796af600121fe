import Foundation
import Synchronization

/// Where the program speaks: results on stdout, everything else on stderr.
final class Console: Sendable {
  let verbosity: Arguments.Verbosity
  /// Whether stderr can be redrawn.
  let isInteractive: Bool
  private let hasColor: Bool
  private let lock = Mutex(())

  enum Style: String {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
  }

  init(_ arguments: Arguments, environment: [String: String]) {
    verbosity = arguments.verbosity
    let isTerminal = isatty(STDERR_FILENO) == 1
    isInteractive = isTerminal && environment["TERM"] != "dumb" && verbosity > .quiet && !arguments.json
    switch arguments.color {
    case .always: hasColor = true
    case .never: hasColor = false
    case .auto:
      let noColor = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
      hasColor = isTerminal && !noColor && environment["TERM"] != "dumb"
    }
  }

  func styled(_ text: String, _ style: Style) -> String {
    hasColor && style != .plain ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// A result, on stdout.
  func result(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

  /// An error, always shown.
  func error(_ text: String) { write("\(styled("bitlab:", .red)) \(text)\n", to: STDERR_FILENO) }

  /// Text that already names its place, always shown.
  func diagnostics(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

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

  private func write(_ text: String, to descriptor: Int32) {
    lock.withLock { _ in
      var bytes = Array(text.utf8)[...]
      while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        // A closed pipe or a full disk behind stdout: there is nobody left to tell.
        if count <= 0 { return }
        bytes = bytes.dropFirst(count)
      }
    }
  }

  /// The terminal's size now, or 80 columns by 24 rows.
  static var size: (columns: Int, rows: Int) {
    var window = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else { return (80, 24) }
    return (Int(window.ws_col), Int(window.ws_row))
  }
}
