import Dispatch
import Foundation
import Synchronization
import Testing

@testable import bitlab

/// A console whose streams take nothing until somebody lets them.
struct ConsoleTests {
  private final class StoppedStreams: OutputStreams {
    private let gate = DispatchSemaphore(value: 0)
    private let taken = CapturedStreams()

    func isTerminal(_ descriptor: Int32) -> Bool { false }

    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int {
      gate.wait()
      gate.signal()
      return taken.write(bytes, to: descriptor)
    }

    func goOn() { gate.signal() }

    func text(_ descriptor: Int32) -> String { taken.text(descriptor) }
  }

  private let streams = StoppedStreams()
  private let console: Console

  init() throws { console = Console(try Arguments([], environment: [:]), environment: [:], streams: streams) }

  @Test func whatFindsNoRoomIsCounted() throws {
    console.neverWait()
    let line = String(repeating: "x", count: 100)
    let isSaid = DispatchSemaphore(value: 0)
    let speaker = Thread { [console] in
      for number in 0..<2_000 { console.info("\(line) \(number)") }
      isSaid.signal()
    }
    speaker.start()
    #expect(isSaid.wait(timeout: .now() + 60) == .success)
    streams.goOn()
    console.flush()
    let text = streams.text(STDERR_FILENO)
    let missing = try #require(
      text.firstMatch(of: /bitlab: (\d+) lines are missing here/).flatMap { Int($0.1) })
    #expect(text.components(separatedBy: line).count - 1 + missing == 2_000)
    #expect(text.hasPrefix("\(line) 0\n"))
  }

  /// As a person who ends a program expects it whose terminal is stopped.
  @Test func hurryEndsTheWaiting() {
    console.neverWait()
    console.info("a line")
    console.hurry()
    console.result("a result")
    console.flush()
    #expect(console.hasLostResults && streams.text(STDOUT_FILENO) == "")
    streams.goOn()
  }

  @Test func aResultWaitsForItsReader() {
    let isWritten = DispatchSemaphore(value: 0)
    let printer = Thread { [console] in
      console.result("a result")
      isWritten.signal()
    }
    printer.start()
    #expect(isWritten.wait(timeout: .now() + 0.05) == .timedOut)
    streams.goOn()
    #expect(isWritten.wait(timeout: .now() + 60) == .success)
    #expect(streams.text(STDOUT_FILENO) == "a result\n" && !console.hasLostResults)
  }

  /// What messages quote cannot steer the terminal.
  @Test func controlsAreShown() {
    streams.goOn()
    console.info("a\u{1B}[2J\nb")
    console.error("c\u{7}")
    console.diagnostics("d\ne\u{1B}")
    #expect(
      streams.text(STDERR_FILENO) == #"a\u001b[2J\nb"# + "\n" + #"bitlab: c\u0007"# + "\nd\n" + #"e\u001b"#
        + "\n")
  }
}
