import Dispatch
import Files
import Foundation
import Testing

@testable import Scheduler

/// The watcher on real folders. Waiting is for deliveries; that something is not delivered is seen by what was
/// dropped after it coming first, as a look takes everything that is ready.
@Suite(.serialized) final class SpoolWatcherTests {
  private let fixture: SpoolFixture
  private let folder: SpoolFolder
  private let clock = MovableClock()
  private let deliveries = Deliveries()
  private var watcher: SpoolWatcher?

  init() throws {
    fixture = try SpoolFixture()
    folder = try SpoolFolder(fixture.queue, isExclusive: false, in: POSIXFileSystem())
  }

  deinit { watcher?.stop() }

  /// Starts a watcher that rescans only when told to, unless `rescan` says otherwise.
  private func start(
    rescan: Duration = .seconds(3600), _ change: (inout SpoolWatcher.Settings) -> Void = { _ in },
    handling: @escaping @Sendable (SpoolBatch) -> Void = { _ in }
  ) -> SpoolWatcher {
    var settings = SpoolWatcher.Settings()
    settings.rescanInterval = rescan
    change(&settings)
    let watcher = SpoolWatcher(
      folder, settings, clock: { [clock] in clock.now },
      deliver: { [deliveries] batch in
        handling(batch)
        deliveries.take(batch)
      })
    watcher.start()
    self.watcher = watcher
    return watcher
  }

  /// Returns once the watcher looked at everything after what happened before.
  private func waitForALook(_ marker: String) throws {
    try fixture.moveIn(marker, marker)
    watcher?.rescan()
    deliveries.waitForFile(marker)
  }

  @Test func whatIsThereAtTheStart() throws {
    for name in ["b.json", "a.json", "c.txt", ".d.json", "e.json~"] { try fixture.put(name, name) }
    clock.advance(.seconds(5))
    _ = start()
    deliveries.waitForFile("b.json")
    #expect(deliveries.names == ["a.json", "b.json"])
    #expect(deliveries.batches.count == 1)
    #expect(deliveries.texts("a.json") == ["a.json"])
  }

  /// Young files come by themselves: at once where it is known that nobody writes them, else when quiet.
  @Test func youngFilesAtTheStart() throws {
    try fixture.put("text", "a.json")
    _ = start { $0.readiness.quietTime = .milliseconds(300) }
    deliveries.waitForFile("a.json", "text")
  }

  @Test func filesMovedIn() throws {
    _ = start()
    try waitForALook("first.json")
    try fixture.moveIn("text", "a.json")
    deliveries.waitForFile("a.json", "text")
    #expect(deliveries.names == ["first.json", "a.json"])
  }

  @Test func filesWrittenInPlace() throws {
    _ = start()
    try waitForALook("first.json")
    try fixture.put("text", "a.json")
    deliveries.waitForFile("a.json", "text")
  }

  /// Only its closing counts here.
  @Test func aSlowWriter() throws {
    let watcher = start { $0.readiness.quietTime = .seconds(3600) }
    try waitForALook("1.json")
    let writer = try #require(fopen(fixture.path("slow.json"), "w"))
    for round in 2...5 {
      // Not even a second of silence makes it whole.
      fputs("piece ", writer)
      fflush(writer)
      try waitForALook("\(round).json")
      clock.advance(.seconds(1))
      watcher.rescan()
    }
    try waitForALook("6.json")
    #expect(!deliveries.names.contains("slow.json"))
    fclose(writer)
    deliveries.waitForFile("slow.json")
    #expect(deliveries.texts("slow.json") == ["piece piece piece piece "])
  }

  @Test(.enabled(if: SpoolFixture.tellsWriters)) func aWriterThatPausesForLong() throws {
    let watcher = start()
    let writer = try #require(fopen(fixture.path("slow.json"), "w"))
    fputs("{", writer)
    fflush(writer)
    try waitForALook("1.json")
    clock.advance(.seconds(30))
    watcher.rescan()
    try waitForALook("2.json")
    #expect(!deliveries.names.contains("slow.json"))
    fputs("}", writer)
    fclose(writer)
    deliveries.waitForFile("slow.json", "{}")
    #expect(deliveries.texts("slow.json") == ["{}"])
  }

  /// Without any close: quiet for long enough is closed enough.
  @Test func aWriterThatNeverCloses() throws {
    let watcher = start()
    let writer = try #require(fopen(fixture.path("open.json"), "w"))
    defer { fclose(writer) }
    fputs("{}", writer)
    fflush(writer)
    try waitForALook("1.json")
    clock.advance(.seconds(61))
    watcher.rescan()
    deliveries.waitForFile("open.json", "{}")
  }

  @Test func rewritingIsAnotherVersion() throws {
    _ = start()
    try fixture.moveIn("one", "a.json")
    deliveries.waitForFile("a.json", "one")
    try fixture.put("two", "a.json")
    deliveries.waitForFile("a.json", "two")
    truncate(fixture.path("a.json"), 1)
    clock.advance(.seconds(3))
    deliveries.waitForFile("a.json", "t")
    try waitForALook("last.json")
    #expect(deliveries.texts("a.json") == ["one", "two", "t"])
  }

  /// A version comes once, whatever happens around it.
  @Test func oneDeliveryAVersion() throws {
    let watcher = start()
    try fixture.moveIn("text", "a.json")
    deliveries.waitForFile("a.json")
    for round in 0..<5 {
      watcher.receive([
        .entry(.written, SpoolName("a.json")), .entry(.closed, SpoolName("a.json")), .overflow,
      ])
      chmod(fixture.path("a.json"), round % 2 == 0 ? 0o600 : 0o644)
      clock.advance(.seconds(10))
      try waitForALook("\(round).json")
    }
    #expect(deliveries.texts("a.json") == ["text"])
    watcher.offerAgain([SpoolName("a.json")])
    deliveries.wait { $0.flatMap(\.files).filter { $0.name == "a.json" }.count == 2 }
  }

  @Test func acceptedAndDroppedAgain() throws {
    let folder = folder
    _ = start(handling: { batch in _ = folder.accept(batch.files) })
    for round in 1...20 {
      try fixture.moveIn("round \(round)", "a.json")
      deliveries.waitForFile("a.json", "round \(round)")
    }
    #expect(deliveries.texts("a.json") == (1...20).map { "round \($0)" })
    #expect(try fixture.names.isEmpty)
  }

  /// A new version comes while the old one is being handled: it stays and is taken in turn.
  @Test func replacedDuringHandling() throws {
    let (path, folder) = (fixture.path("a.json"), folder)
    _ = start(handling: { batch in
      for file in batch.files {
        if file.bytes == Array("old".utf8) { try? SpoolFixture.moveIn("new", path) }
        let isRemoved = try? folder.accept(file)
        #expect(isRemoved == (file.bytes == Array("new".utf8)))
      }
    })
    try SpoolFixture.put("old", fixture.parent + "/first")
    rename(fixture.parent + "/first", fixture.path("a.json"))
    deliveries.waitForFile("a.json", "new")
    #expect(deliveries.texts("a.json") == ["old", "new"])
    #expect(try fixture.names.isEmpty)
  }

  @Test func manyFiles() throws {
    let count = 10_000
    for number in 0..<count {
      try SpoolFixture.put("{\"name\": \"\(number)\"}", fixture.parent + "/\(number).json")
    }
    _ = start()
    try waitForALook("first.json")
    for number in 0..<count { rename(fixture.parent + "/\(number).json", fixture.path("\(number).json")) }
    deliveries.wait { $0.reduce(0) { $0 + $1.files.count } == count + 1 }
    let batches = deliveries.batches.dropFirst()
    #expect(Set(deliveries.names).count == count + 1)
    #expect(
      deliveries.files.dropFirst().allSatisfy {
        $0.bytes == Array("{\"name\": \"\($0.name.dropLast(5))\"}".utf8)
      })
    for batch in batches {
      #expect(batch.files.map { SpoolName($0.name) } == batch.files.map { SpoolName($0.name) }.sorted())
    }
    #expect(batches.count <= count / 100)
  }

  @Test func batchesAreBounded() throws {
    for number in 10..<20 { try fixture.put(String(repeating: "x", count: 400), "\(number).json") }
    clock.advance(.seconds(5))
    _ = start { $0.batchBytes = 1000 }
    deliveries.waitForFile("19.json")
    #expect(deliveries.batches.map(\.files.count) == [2, 2, 2, 2, 2])
    #expect(deliveries.names == (10..<20).map { "\($0).json" })
  }

  @Test func everyKindOfRefusedThing() throws {
    mkfifo(fixture.path("fifo.json"), 0o644)
    mkdir(fixture.path("folder.json"), 0o755)
    try fixture.put("secret", "../outside")
    symlink("../outside", fixture.path("link.json"))
    symlink("nowhere", fixture.path("nowhere.json"))
    try fixture.put(String(repeating: "x", count: 1 << 20), "large-enough.json")
    try fixture.put(String(repeating: "x", count: 1 << 20 + 1), "larger.json")
    let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array(fixture.path("socket.json").utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    #expect(isBound)
    let odd = SpoolName(bytes: [0xFF] + Array(".json".utf8))
    let stream = try #require(fopen(SpoolPath.join(fixture.queue, odd), "w"))
    fclose(stream)
    clock.advance(.seconds(5))
    let folder = folder
    _ = start(handling: { batch in
      for refusal in batch.refusals { _ = try? folder.reject(refusal.entry, "\(refusal.reason)") }
    })
    deliveries.wait { $0.reduce(0) { $0 + $1.refusals.count } == 7 }
    var reasons: [String: SpoolRefusalReason] = [:]
    for refusal in deliveries.refusals { reasons[refusal.entry.name.escaped] = refusal.reason }
    #expect(
      reasons == [
        "fifo.json": .notAFile(.fifo), "folder.json": .notAFile(.folder),
        "link.json": .notAFile(.symbolicLink),
        "nowhere.json": .notAFile(.symbolicLink), "larger.json": .tooLarge(limit: 1 << 20),
        "socket.json": .notAFile(.socket), "%FF.json": .nameIsNotUTF8,
      ])
    #expect(deliveries.names == ["large-enough.json"])
    #expect(try fixture.names == ["large-enough.json"])
    #expect(try fixture.rejected.count == 14)
    #expect(try fixture.text("../outside") == "secret")
  }

  @Test func otherFilesAreMentionedOnce() throws {
    let watcher = start()
    try fixture.put("x", "notes.txt")
    try fixture.put("x", "notes.tmp")
    try waitForALook("1.json")
    #expect(deliveries.notices.isEmpty)
    for round in 2...4 {
      clock.advance(.seconds(3))
      watcher.rescan()
      try waitForALook("\(round).json")
    }
    #expect(deliveries.notices == [.ignored(SpoolName("notes.txt"))])
  }

  /// A watcher that was not started hears of nothing by itself, and has no timer: files must be old enough at once.
  @Test func overflow() throws {
    let deaf = SpoolWatcher(
      folder, clock: { [clock] in clock.now }, deliver: { [deliveries] in deliveries.take($0) })
    watcher = deaf
    try fixture.moveIn("text", "a.json")
    clock.advance(.seconds(5))
    deaf.receive([.overflow])
    deliveries.waitForFile("a.json", "text")
    // Now it hears: files get lost among others.
    try fixture.moveIn("text", "d.json")
    clock.advance(.seconds(5))
    deaf.receive([.entry(.closed, SpoolName("b.json")), .overflow, .entry(.closed, SpoolName("c.json"))])
    deliveries.waitForFile("d.json", "text")
  }

  /// The folder above is replaced, of which no event tells.
  @Test func aRescanFindsWhatEventsMiss() throws {
    let (box, other) = (fixture.parent + "/box", fixture.parent + "/other")
    let inner = try SpoolFolder(box + "/queue", isExclusive: false, in: POSIXFileSystem())
    try POSIXFileSystem().createFolders(other + "/queue")
    try SpoolFixture.put("text", other + "/queue/a.json")
    clock.advance(.seconds(5))
    var settings = SpoolWatcher.Settings()
    settings.rescanInterval = .milliseconds(50)
    let watcher = SpoolWatcher(inner, settings, clock: { [clock] in clock.now }, deliver: deliveries.take)
    self.watcher = watcher
    watcher.start()
    try SpoolFixture.put("first", box + "/queue/first.json")
    deliveries.waitForFile("first.json", "first")
    #expect(rename(box, fixture.parent + "/before") == 0)
    // A rescan in between may have created it again.
    while rename(other, box) != 0 { try? FileManager.default.removeItem(atPath: box) }
    deliveries.waitForFile("a.json", "text")
  }

  @Test(arguments: [1, 5]) func theFolderIsRemovedAndCreatedAgain(times: Int) throws {
    _ = start()
    try waitForALook("first.json")
    for round in 1...times {
      let before = deliveries.notices.count
      try FileManager.default.removeItem(atPath: fixture.queue)
      deliveries.wait { $0.reduce(0) { $0 + $1.notices.count } > before }
      // The watcher has created it; events work again.
      try fixture.moveIn("round \(round)", "a.json")
      deliveries.waitForFile("a.json", "round \(round)")
      #expect(try fixture.rejected.isEmpty)
    }
    #expect(deliveries.notices.allSatisfy { $0 == .folderReplaced(path: fixture.queue) })
  }

  @Test func theFolderIsReplaced() throws {
    _ = start()
    try waitForALook("first.json")
    let other = fixture.parent + "/other"
    try POSIXFileSystem().createFolders(other)
    try SpoolFixture.put("waiting", other + "/waiting.json")
    clock.advance(.seconds(5))
    #expect(rename(fixture.queue, fixture.parent + "/before") == 0)
    // The watcher may have created it meanwhile.
    while rename(other, fixture.queue) != 0 { try? FileManager.default.removeItem(atPath: fixture.queue) }
    watcher?.rescan()
    deliveries.waitForFile("waiting.json", "waiting")
    try fixture.moveIn("text", "a.json")
    deliveries.waitForFile("a.json", "text")
  }

  @Test func aFolderThatCannotBe() throws {
    let watcher = start()
    try waitForALook("first.json")
    try FileManager.default.removeItem(atPath: fixture.queue)
    while !FileManager.default.createFile(atPath: fixture.queue, contents: Data()) {
      try? FileManager.default.removeItem(atPath: fixture.queue)
    }
    func failures(_ batches: [SpoolBatch]) -> [SpoolNotice] {
      batches.flatMap(\.notices).filter {
        if case .failed(let error) = $0 { error.code == ENOTDIR } else { false }
      }
    }
    watcher.rescan()
    deliveries.wait { !failures($0).isEmpty }
    // Said once, however often it is tried.
    for _ in 0..<3 { watcher.rescan() }
    watcher.waitUntilDone()
    unlink(fixture.queue)
    watcher.rescan()
    deliveries.wait { $0.last?.notices.contains(.folderReplaced(path: fixture.queue)) ?? false }
    // Another one may have come of a look just as the folder was being replaced.
    let failures = failures(deliveries.batches)
    #expect(Set(failures).count == failures.count)
    try fixture.moveIn("text", "a.json")
    deliveries.waitForFile("a.json", "text")
  }

  @Test func nothingComesAfterStopping() throws {
    let watcher = start()
    try waitForALook("first.json")
    watcher.stop()
    try fixture.moveIn("text", "a.json")
    watcher.rescan()
    watcher.stop()
    #expect(deliveries.names == ["first.json"])
  }
}
