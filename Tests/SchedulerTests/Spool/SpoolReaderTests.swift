import Files
import Foundation
import Testing

@testable import Scheduler

/// Reading what anyone may have put there.
struct SpoolReaderTests {
  private let fixture: SpoolFixture
  private let reader: SpoolReader

  init() throws {
    fixture = try SpoolFixture()
    try POSIXFileSystem().createFolders(fixture.queue)
    reader = SpoolReader(folder: fixture.queue, limit: 100, knowsEveryWriter: SpoolFixture.tellsWriters)
  }

  @Test(arguments: [0, 1, 99, 100]) func wholeFiles(size: Int) throws {
    let text = String(repeating: "x", count: size)
    try fixture.put(text, "a.json")
    let entry = try fixture.entry("a.json")
    guard case .file(let file) = reader.read(entry, .notKnownToBeOpen) else {
      Issue.record("not read")
      return
    }
    #expect(file == SpooledFile(name: "a.json", bytes: Array(text.utf8), entry: entry))
    #expect(file.identity.size == size)
  }

  @Test func tooLarge() throws {
    try fixture.put(String(repeating: "x", count: 101), "a.json")
    let entry = try fixture.entry("a.json")
    guard case .refused(let refusal) = reader.read(entry, .any) else {
      Issue.record("not refused")
      return
    }
    #expect(refusal == SpoolRefusal(entry: entry, reason: .tooLarge(limit: 100)))
  }

  @Test func missing() throws {
    try fixture.put("x", "a.json")
    let entry = try fixture.entry("a.json")
    unlink(fixture.path("a.json"))
    #expect(reader.read(entry, .any).reading == .missing)
  }

  /// What was a file when looked at may be anything when opened.
  @Test(arguments: ["link", "fifo", "folder", "file"]) func swappedBeforeOpening(kind: String) throws {
    try fixture.put("x", "a.json")
    try fixture.put("y", "b")
    let entry = try fixture.entry("a.json")
    let path = fixture.path("a.json")
    unlink(path)
    switch kind {
    case "link": #expect(symlink(fixture.path("b"), path) == 0)
    case "fifo": #expect(mkfifo(path, 0o600) == 0)
    case "folder": #expect(mkdir(path, 0o700) == 0)
    default: #expect(rename(fixture.path("b"), path) == 0)
    }
    #expect(reader.read(entry, .any).reading == .changed)
  }

  @Test(arguments: ["xyz", "", "other"]) func changedWhileReading(text: String) throws {
    try fixture.put("first", "a.json")
    let entry = try fixture.entry("a.json")
    let path = fixture.path("a.json")
    var reader = reader
    reader.afterOpening = {
      // A time long past cannot be mistaken for the time before.
      try? SpoolFixture.put(text, path)
      var times = [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]
      utimes(path, &times)
    }
    #expect(reader.read(entry, .any).reading == .changed)
  }

  @Test(.enabled(if: SpoolFixture.tellsWriters)) func openForWriting() throws {
    let writer = try #require(fopen(fixture.path("a.json"), "w"))
    fputs("x", writer)
    fflush(writer)
    let entry = try fixture.entry("a.json")
    #expect(reader.read(entry, .knownToBeClosed).reading == .open)
    #expect(reader.read(entry, .notKnownToBeOpen).reading == .open)
    #expect(reader.read(entry, .any).reading == .taken(entry))
    fclose(writer)
    #expect(reader.read(entry, .knownToBeClosed).reading == .taken(entry))
  }

  @Test func whereWritersAreNotKnown() throws {
    try fixture.put("x", "a.json")
    let entry = try fixture.entry("a.json")
    let reader = SpoolReader(folder: fixture.queue, limit: 100, knowsEveryWriter: false)
    #expect(reader.read(entry, .knownToBeClosed).reading == .open)
    #expect(reader.read(entry, .notKnownToBeOpen).reading == .taken(entry))
  }

  @Test func unreadable() throws {
    try fixture.put("x", "a.json")
    chmod(fixture.path("a.json"), 0)
    let entry = try fixture.entry("a.json")
    // Root reads everything, so this thread alone becomes somebody else for the file system.
    typealias SetUser = @convention(c) (UInt32) -> Int32
    let symbol = try #require(dlsym(dlopen(nil, RTLD_NOW), "setfsuid"))
    let setUser = unsafeBitCast(symbol, to: SetUser.self)
    let (early, late) = {
      if geteuid() == 0 { _ = setUser(65534) }
      defer { if geteuid() == 0 { _ = setUser(0) } }
      return (reader.read(entry, .knownToBeClosed), reader.read(entry, .notKnownToBeOpen))
    }()
    #expect(early.reading == .open)
    guard case .refused(let refusal) = late else {
      Issue.record("not refused")
      return
    }
    #expect(refusal == SpoolRefusal(entry: entry, reason: .unreadable))
  }

  @Test func fileSystemsOfThisMachineAlone() {
    let mounts = """
      21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
      40 21 0:50 / /home rw - nfs4 server:/home rw
      41 21 0:51 / /tmp rw shared:5 master:2 - tmpfs tmpfs rw
      """
    func knows(_ major: UInt64, _ minor: UInt64) -> Bool {
      SpoolReader.knowsEveryWriter(device: major << 8 | minor, mounts: mounts)
    }
    #expect(knows(8, 1) && knows(0, 51))
    #expect(!knows(0, 50) && !knows(0, 5) && !knows(9, 1))
  }
}
