import Files
import Foundation
import TestSupport
import Testing

@testable import bitlab

struct DaemonLogTests {
  private let folder: TemporaryFolder
  private let console: Console

  init() throws {
    folder = try TemporaryFolder()
    console = Console(try Arguments(["-q"], environment: [:]), environment: [:], streams: CapturedStreams())
  }

  private func log(_ files: any FileSystem = POSIXFileSystem(), largest: Int = 10 << 20) -> DaemonLog {
    DaemonLog(folder.file("log"), console, files: files, largest: largest)
  }

  @Test func aLargeFileIsPutAside() throws {
    let log = log(largest: 100)
    log.begin()
    for number in 0..<10 {
      log.write("line \(number)")
      log.finish()
    }
    // 29 bytes a line: the fourth is the first beyond 100.
    #expect(try folder.text("log.1").split(separator: "\n").count == 4)
    #expect(try folder.text("log").split(separator: "\n").map { $0.suffix(6) } == ["line 8", "line 9"])
  }

  /// What somebody moved is theirs; the next lines go to a new file.
  @Test func reopening() throws {
    let log = log()
    log.begin()
    log.write("before")
    log.finish()
    try POSIXFileSystem().rename(folder.file("log"), to: folder.file("moved"))
    log.write("between")
    log.reopen()
    log.write("after")
    log.finish()
    #expect(
      try folder.text("moved").split(separator: "\n").map { $0.split(separator: " ")[1] } == [
        "before", "between",
      ])
    #expect(try folder.text("log").hasSuffix(" after\n"))
  }

  /// Until the folder is this process's, its log is another's.
  @Test func nothingIsReopenedThatWasNotOpen() throws {
    let log = log()
    log.reopen()
    log.write("not yet")
    log.finish()
    #expect(!POSIXFileSystem().exists(folder.file("log")))
    log.begin()
    log.write("now")
    log.finish()
    #expect(try folder.text("log").split(separator: "\n").count == 1)
  }

  /// A log that cannot be opened is opened as soon as it can.
  @Test func aDiskThatFails() throws {
    let files = FaultyFileSystem(.error(ENOSPC), at: 0, persists: true)
    let log = log(files)
    log.begin()
    for _ in 0..<3 { log.write("lost") }
    log.finish()
    files.heal()
    log.write("kept")
    log.finish()
    let lines = try folder.text("log").split(separator: "\n").map {
      $0.split(separator: " ", maxSplits: 1)[1]
    }
    #expect(lines == ["3 lines are missing here: the log could not be written", "kept"])
  }

  /// Whoever has something to say does not wait for a disk that stands still: here for a lease.
  @Test func aDiskThatStandsStill() throws {
    let lease = try Lease(folder.file("log"))
    let log = DaemonLog(folder.file("log"), console, files: POSIXFileSystem(), mostWaiting: 10_000)
    log.begin()
    let line = String(repeating: "x", count: 100)
    let isSaid = DispatchSemaphore(value: 0)
    let writer = Thread { [log = Unchecked(log)] in
      for _ in 0..<2_000 { log.value.write(line) }
      isSaid.signal()
    }
    writer.start()
    #expect(isSaid.wait(timeout: .now() + 30) == .success)
    lease.release()
    log.finish()
    let text = try folder.text("log")
    let written = text.components(separatedBy: line + "\n").count - 1
    let missing = text.matches(of: /(\d+) lines? (?:is|are) missing here/).reduce(0) { $0 + (Int($1.1) ?? 0) }
    #expect(written + missing == 2_000 && missing > 0)
  }

  /// What others named cannot look like a line of ours.
  @Test func anEntryIsALine() throws {
    let log = log()
    log.begin()
    log.write("refused: a\nb\u{1B}[2J.json: " + String(repeating: "long ", count: 10_000))
    log.finish()
    let text = try folder.text("log")
    #expect(text.split(separator: "\n").count == 1 && text.contains(#"a\nb\u001b[2J.json"#))
    #expect(text.utf8.count < 2_200)
  }
}
