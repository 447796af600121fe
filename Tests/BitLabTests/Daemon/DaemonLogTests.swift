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
    for number in 0..<10 { log.write("line \(number)") }
    // 29 bytes a line: the fourth is the first beyond 100.
    #expect(try folder.text("log.1").split(separator: "\n").count == 4)
    #expect(try folder.text("log").split(separator: "\n").map { $0.suffix(6) } == ["line 8", "line 9"])
  }

  /// What somebody moved is theirs; the next lines go to a new file.
  @Test func reopening() throws {
    let log = log()
    log.begin()
    log.write("before")
    try POSIXFileSystem().rename(folder.file("log"), to: folder.file("moved"))
    log.write("between")
    log.reopen()
    log.write("after")
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
    #expect(!POSIXFileSystem().exists(folder.file("log")))
    log.begin()
    log.write("now")
    #expect(try folder.text("log").split(separator: "\n").count == 1)
  }

  /// A log that cannot be opened is opened as soon as it can.
  @Test func aDiskThatFails() throws {
    let files = FaultyFileSystem(.error(ENOSPC), at: 0, persists: true)
    let log = log(files)
    log.begin()
    log.write("lost")
    files.heal()
    log.write("kept")
    #expect(try folder.text("log").hasSuffix(" kept\n"))
  }
}
