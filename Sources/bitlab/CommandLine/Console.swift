import Dispatch
import Files
import Foundation
import Synchronization

/// Where the program speaks: results on stdout, everything else on stderr.
///
/// A verb that prints and ends waits for whoever reads it. One that computes or decides does not, after `neverWait`.
final class Console: Sendable {
  let verbosity: Arguments.Verbosity
  /// Whether stderr can be redrawn.
  let isInteractive: Bool
  /// Whether somebody is there to answer questions.
  private let isAnswered: Bool
  private let coloredStreams: Set<Int32>
  private let results: StreamWriter
  private let remarks: StreamWriter
  private let state = Mutex(State())

  private struct State {
    var hasPrintedResult = false
    var hasLostResults = false
    var problem: String?
    /// Whether whoever speaks on stderr waits for it to be written.
    var isPatient = true
    /// When nobody waits for anything any more.
    var end: DispatchTime?
  }

  enum Style: String {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
  }

  /// Bytes of lines that wait for a terminal that is stopped.
  private static let mostWaiting = 1 << 16
  /// How long what is left for stderr may take at the end of a verb that has not waited for it, in seconds.
  private static let grace = 1.0

  init(
    _ arguments: Arguments, environment: [String: String], streams: any OutputStreams = StandardStreams()
  ) {
    verbosity = arguments.verbosity
    let isDumb = environment["TERM"] == "dumb"
    isInteractive = streams.isTerminal(STDERR_FILENO) && !isDumb && verbosity > .quiet && !arguments.json
    isAnswered = streams.isTerminal(STDIN_FILENO) && streams.isTerminal(STDERR_FILENO)
    let both: Set = [STDOUT_FILENO, STDERR_FILENO]
    switch arguments.color {
    case .always: coloredStreams = both
    case .never: coloredStreams = []
    case .auto:
      let noColor = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
      coloredStreams = noColor || isDumb ? [] : both.filter { streams.isTerminal($0) }
    }
    // Results are never left out: whoever prints one waits for it.
    results = StreamWriter(STDOUT_FILENO, streams, ScreenText(BoundedLines(capacity: .max) { _ in "" }))
    remarks = StreamWriter(
      STDERR_FILENO, streams,
      ScreenText(
        BoundedLines(capacity: Self.mostWaiting) {
          "bitlab: \($0) line\($0 == 1 ? " is" : "s are") missing here: stderr took no more"
        }))
  }

  // MARK: - Waiting

  /// From now on nobody who speaks on stderr waits for it: what finds no room is left out, counted, and told of when there is
  /// room again.
  func neverWait() { state.withLock { $0.isPatient = false } }

  /// What is still to be said, results too, gets this long to be written and no longer: nobody may read it any more.
  func hurry() { state.withLock { $0.end = $0.end ?? .now() + Self.grace } }

  /// Lets what waits for stderr be written, for a short while at most where nobody is to wait for it.
  func flush() {
    let (end, isPatient) = state.withLock { ($0.end, $0.isPatient) }
    remarks.drain(until: end ?? (isPatient ? .distantFuture : .now() + Self.grace))
  }

  // MARK: - Results

  /// Text for stderr, or for `result`, in a style where that stream is to have any.
  func styled(_ text: String, _ style: Style, inResult: Bool = false) -> String {
    guard style != .plain, coloredStreams.contains(inResult ? STDOUT_FILENO : STDERR_FILENO) else {
      return text
    }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  /// A result, on stdout.
  func result(_ text: String) { result(bytes: Array((text + "\n").utf8)) }

  /// Bytes of a result as they are, on stdout.
  func result(bytes: [UInt8]) {
    state.withLock { $0.hasPrintedResult = true }
    results.change { $0.add(bytes: bytes) }
    let isWritten = results.drain(until: state.withLock { $0.end } ?? .distantFuture)
    let code = results.failure
    // Whoever reads a pipe may stop when they have seen enough; anything else is a loss.
    guard !isWritten || code != nil && code != EPIPE else { return }
    let isFirst = state.withLock { state in
      defer { state.hasLostResults = true }
      return !state.hasLostResults
    }
    if isFirst {
      error("cannot write to stdout: \(code.map { String(cString: strerror($0)) } ?? "nobody reads it")")
    }
  }

  /// Whether anything went to stdout.
  var hasPrintedResult: Bool { state.withLock { $0.hasPrintedResult } }

  /// Whether a result could not be written.
  var hasLostResults: Bool { state.withLock { $0.hasLostResults } }

  /// Whether results need not be made any more: nobody takes them.
  var hasNoReader: Bool { results.failure != nil }

  /// What a command has done, as its result; who wants errors alone hears nothing.
  func outcome(_ text: String) {
    if verbosity > .quiet { result(text) }
  }

  // MARK: - Remarks

  /// What was last said to have gone wrong.
  var lastProblem: String? { state.withLock { $0.problem } }

  /// An error, always shown.
  func error(_ text: String) {
    let text = text.inMessage()
    state.withLock { $0.problem = text }
    line("\(styled("bitlab:", .red)) \(text)")
  }

  /// Text in lines that name their places, always shown.
  func diagnostics(_ text: String) {
    let text = text.inMessage(upTo: .max, keepsLines: true)
    state.withLock { $0.problem = text }
    line(text)
  }

  /// What goes on, unless asked to be quiet.
  func info(_ text: String) {
    if verbosity > .quiet { line(text.inMessage()) }
  }

  /// Details, when asked for.
  func detail(_ text: String) {
    if verbosity == .verbose { line(text.inMessage()) }
  }

  /// Asks on the terminal whether to do it, and returns where the answer is yes.
  ///
  /// Throws `NotConfirmed` where nobody can be asked, or the answer is another.
  func confirm(_ question: String) throws(NotConfirmed) {
    guard isAnswered else {
      throw NotConfirmed(description: "\(question) nobody can be asked here: say --yes to do it")
    }
    line("\(styled("bitlab:", .yellow)) \(question.inMessage()) [y/N]")
    let answer = readLine()?.lowercased() ?? ""
    guard answer == "y" || answer == "yes" else { throw NotConfirmed(description: "nothing done") }
  }

  /// A line for stderr as it is, styles included.
  func line(_ text: String) { remark { $0.add(text) } }

  /// Lines at the bottom of the terminal, in the place of those shown before.
  func show(_ frame: [String]) { remark { $0.show(frame) } }

  /// Calls `body`, which shows frames. When it ends, or a signal ends the process, nothing is left of them.
  func showingFrames<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard isInteractive else { return try body() }
    let interruption = InterruptWatch { [self] number in
      remark { $0.endFrames() }
      hurry()
      flush()
      _exit(ExitCode.signal(number))
    }
    defer {
      withExtendedLifetime(interruption) {}
      show([])
    }
    return try body()
  }

  private func remark(_ change: @Sendable (inout ScreenText) -> Void) {
    remarks.change(change)
    let (end, isPatient) = state.withLock { ($0.end, $0.isPatient) }
    if let deadline = end ?? (isPatient ? .distantFuture : nil) { remarks.drain(until: deadline) }
  }

  /// The size now of the terminal that remarks go to, or 80 columns by 24 rows.
  static var size: (columns: Int, rows: Int) { size(of: STDERR_FILENO) ?? (80, 24) }

  /// Columns for results, where they go to a terminal.
  var columnsOfResults: Int? { Self.size(of: STDOUT_FILENO)?.columns }

  fileprivate static func size(of descriptor: Int32) -> (columns: Int, rows: Int)? {
    var window = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else { return nil }
    return (Int(window.ws_col), Int(window.ws_row))
  }
}

/// Somebody has not said yes; exit code 2.
struct NotConfirmed: Error, CustomStringConvertible {
  var description: String
}

/// Where a console's two streams lead.
protocol OutputStreams: Sendable {
  func isTerminal(_ descriptor: Int32) -> Bool
  /// As the system's `write`: how many bytes it took, or -1 with `errno`.
  func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int
  /// Of the terminal that it leads to; nil for anything else.
  func columns(of descriptor: Int32) -> Int?
  /// Returns when a write may take something again, after one with the error `EAGAIN`.
  func waitForRoom(in descriptor: Int32)
}

extension OutputStreams {
  func columns(of descriptor: Int32) -> Int? { nil }

  func waitForRoom(in descriptor: Int32) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    _ = poll(&entry, 1, -1)
  }
}

/// The process's own.
struct StandardStreams: OutputStreams {
  func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  func columns(of descriptor: Int32) -> Int? { Console.size(of: descriptor)?.columns }

  func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
    Foundation.write(descriptor, bytes.baseAddress, bytes.count)
  }
}
