import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Scheduler

/// How files leave the folder, with everything that can come in between.
struct SpoolFolderTests {
  private let fixture: SpoolFixture

  /// What the folder asks of the file system.
  private static let operations: Set<FileError.Operation> = [
    .open, .create, .write, .synchronize, .rename, .remove, .createFolder, .list, .synchronizeFolder,
  ]

  init() throws { fixture = try SpoolFixture() }

  private func open(_ files: any FileSystem = POSIXFileSystem()) throws -> SpoolFolder {
    try SpoolFolder(fixture.queue, isExclusive: false, in: files)
  }

  @Test func theFolderAndRejectedAreCreated() throws {
    _ = try open()
    #expect(try POSIXFileSystem().list(fixture.queue) == [".accepted", ".taken", "rejected"])
    _ = try open()
  }

  @Test func acceptedFilesAreRemoved() throws {
    let folder = try open()
    for name in ["a.json", "b.json", "c.json"] { try fixture.put(name, name) }
    let (a, c) = (try fixture.file("a.json"), try fixture.file("c.json"))
    #expect(try folder.accept(a))
    #expect(try fixture.names == ["b.json", "c.json"])
    #expect(folder.accept([c, a]).replaced == [a])
    #expect(try fixture.names == ["b.json"])
    #expect(try fixture.aside.isEmpty)
  }

  @Test(arguments: ["renamed over", "rewritten", "appended to", "gone"]) func replacedBeforeAccepting(
    how: String
  ) throws {
    let folder = try open()
    try fixture.put("old", "a.json")
    let file = try fixture.file("a.json")
    switch how {
    case "renamed over": try fixture.moveIn("new", "a.json")
    case "rewritten": try fixture.put("newer", "a.json")
    case "appended to":
      let stream = try #require(fopen(fixture.path("a.json"), "a"))
      fputs("x", stream)
      fclose(stream)
    default: unlink(fixture.path("a.json"))
    }
    #expect(try !folder.accept(file))
    #expect(try folder.reject(file, "wrong") == nil)
    #expect(try fixture.rejected.isEmpty)
    let expected = ["renamed over": "new", "rewritten": "newer", "appended to": "oldx"][how]
    #expect((try? fixture.text("a.json")) == expected)
  }

  /// The new file comes between the look at the old one and its move.
  @Test(arguments: [true, false]) func replacedInTheLastMoment(accepts: Bool) throws {
    let fixture = fixture
    _ = try open()
    try fixture.put("old", "a.json")
    try SpoolFixture.put("new", fixture.parent + "/aside")
    let (aside, queued) = (fixture.parent + "/aside", fixture.path("a.json"))
    let folder = try open(FaultyFileSystem(beforeRename: { if $0 == queued { rename(aside, queued) } }))
    let file = try fixture.file("a.json")
    if accepts {
      #expect(try !folder.accept(file))
    } else {
      #expect(try folder.reject(file, "wrong") == nil)
    }
    #expect(try fixture.text("a.json") == "new")
    #expect(try fixture.rejected.isEmpty && fixture.aside.isEmpty)
  }

  /// As above, and yet another one comes before the new one is put back: both stay.
  @Test func replacedTwiceInTheLastMoment() throws {
    let fixture = fixture
    _ = try open()
    try fixture.put("old", "a.json")
    let queued = fixture.path("a.json")
    let new = fixture.parent + "/new"
    try SpoolFixture.put("new", new)
    let folder = try open(
      FaultyFileSystem(beforeRename: { path in
        if path == queued { rename(new, queued) }
      }))
    let file = try fixture.file("a.json")
    // What an earlier failure left aside is in the way of nobody either.
    try SpoolFixture.put("stuck", fixture.path(".taken/a.json"))
    #expect(try !folder.accept(file))
    #expect(try fixture.names == ["a-2.json", "a.json"])
    #expect(try fixture.text("a.json") == "new" && fixture.text("a-2.json") == "stuck")
  }

  @Test func whatACrashLeftAsideIsPutBack() throws {
    _ = try open()
    try fixture.put("one", ".taken/a.json")
    try fixture.put("two", ".taken/b.json")
    try fixture.put("newer", "b.json")
    _ = try open()
    #expect(try fixture.aside.isEmpty)
    #expect(try fixture.names == ["a.json", "b-2.json", "b.json"])
    #expect(
      try fixture.text("a.json") == "one" && fixture.text("b-2.json") == "two"
        && fixture.text("b.json") == "newer")
  }

  /// What was accepted is not taken once more, whatever a crash or a failure has left of it.
  @Test func whatWasAcceptedDoesNotComeBack() throws {
    _ = try open()
    try fixture.put("accepted", ".accepted/a.json")
    try fixture.put("new", "a.json")
    _ = try open()
    #expect(try POSIXFileSystem().list(fixture.path(".accepted")).isEmpty)
    #expect(try fixture.names == ["a.json"] && fixture.text("a.json") == "new")
  }

  /// One file that cannot be moved, as another user's or an immutable one, does not keep the others.
  @Test func whatCannotBeMovedKeepsNothingElse() throws {
    _ = try open()
    let names = ["a.json", "b.json", "c.json"]
    for name in names { try fixture.put(name, name) }
    let stuck = fixture.path("b.json")
    let folder = try open(
      FaultyFileSystem(.error(EPERM), at: 0, persists: true, only: [.rename], failingUnder: stuck))
    let removal = folder.accept(try names.map { try fixture.file($0) })
    #expect(removal.failed.map(\.file.name) == ["b.json"] && removal.replaced.isEmpty)
    #expect(try fixture.names == ["b.json"] && fixture.aside.isEmpty)
    _ = try open()
    #expect(try fixture.names == ["b.json"])
  }

  @Test func oneProcessTakesFromAFolder() throws {
    var folder: SpoolFolder? = try SpoolFolder(fixture.queue, in: POSIXFileSystem())
    #expect(throws: FileLock.Held.self) { try SpoolFolder(fixture.queue, in: POSIXFileSystem()) }
    // Whoever replaces the folder takes the lock away with the old one.
    try FileManager.default.removeItem(atPath: fixture.queue)
    try folder?.prepare()
    #expect(throws: FileLock.Held.self) { try SpoolFolder(fixture.queue, in: POSIXFileSystem()) }
    folder = nil
    _ = try SpoolFolder(fixture.queue, in: POSIXFileSystem())
  }

  @Test func rejectedFilesAreExplained() throws {
    let folder = try open()
    for number in 1...3 {
      try fixture.put("text \(number)", "a.json")
      let path = try folder.reject(try fixture.file("a.json"), "wrong \(number)")
      #expect(path == fixture.path("rejected/" + ["a.json", "a-2.json", "a-3.json"][number - 1]))
    }
    #expect(
      try fixture.rejected
        == ["a-2.json", "a-2.json.error.txt", "a-3.json", "a-3.json.error.txt", "a.json", "a.json.error.txt"])
    for (number, name) in [(1, "a.json"), (2, "a-2.json"), (3, "a-3.json")] {
      #expect(try fixture.text("rejected/" + name) == "text \(number)")
      #expect(try fixture.text("rejected/" + name + ".error.txt") == "wrong \(number)\n")
    }
    #expect(try fixture.names.isEmpty)
  }

  @Test func aRejectedLinkThatLeadsNowhereIsNotOverwritten() throws {
    let folder = try open()
    for _ in 0..<2 {
      #expect(symlink("nowhere", fixture.path("a.json")) == 0)
      try folder.reject(try fixture.entry("a.json"), "a link")
    }
    #expect(try fixture.rejected.filter { $0.hasSuffix(".json") } == ["a-2.json", "a.json"])
  }

  @Test(arguments: ["folder", "fifo", "link"]) func whateverItIsCanBeRejected(kind: String) throws {
    let folder = try open()
    let path = fixture.path("a.json")
    switch kind {
    case "folder":
      mkdir(path, 0o755)
      try fixture.put("x", "a.json/inside")
    case "fifo": mkfifo(path, 0o644)
    default: symlink("rejected", path)
    }
    let entry = try fixture.entry("a.json")
    try folder.reject(entry, "wrong")
    #expect(try fixture.names.isEmpty)
    let moved = try fixture.entry("rejected/a.json")
    #expect(moved.isSameVersion(as: entry))
  }

  @Test func aNameThatIsNotUTF8() throws {
    let folder = try open()
    let name = SpoolName(bytes: Array("ü".utf8) + [0xFE] + Array(".json".utf8))
    let stream = try #require(fopen(SpoolPath.join(fixture.queue, name), "w"))
    fputs("text", stream)
    fclose(stream)
    try folder.reject(try fixture.entry(name), "wrong")
    #expect(try fixture.rejected == ["ü%FE.json", "ü%FE.json.error.txt"])
    #expect(try fixture.text("rejected/ü%FE.json") == "text")
    #expect(try fixture.names.isEmpty)
  }

  @Test func theLongestNames() throws {
    let folder = try open()
    let name = String(repeating: "x", count: 250) + ".json"
    for _ in 0..<2 {
      try fixture.put("x", name)
      #expect(try folder.reject(try fixture.file(name), "wrong") != nil)
    }
    #expect(try fixture.rejected.count == 4)
    try fixture.put("x", name)
    #expect(try folder.accept(try fixture.file(name)))
    #expect(try fixture.names.isEmpty)
  }

  @Test func foldersThatWereRemovedAreCreatedAgain() throws {
    let folder = try open()
    try FileManager.default.removeItem(atPath: fixture.queue)
    try POSIXFileSystem().createFolders(fixture.queue)
    try fixture.put("x", "a.json")
    try fixture.put("y", "b.json")
    #expect(try folder.accept(try fixture.file("a.json")))
    try folder.reject(try fixture.file("b.json"), "wrong")
    #expect(try fixture.rejected == ["b.json", "b.json.error.txt"])
    let gone = SpooledFile(name: "c.json", bytes: [], entry: try fixture.entry("rejected/b.json"))
    try FileManager.default.removeItem(atPath: fixture.queue)
    #expect(try !folder.accept(gone))
  }

  /// Fails or dies at every operation: the file is in the queue, or was removed whole; after a restart it can be
  /// accepted.
  @Test(arguments: [true, false]) func acceptingSurvivesFaults(dies: Bool) throws {
    var reached: [FileError.Operation] = []
    for number in 0... {
      _ = try open()
      try fixture.put("text", "a.json")
      let file = try fixture.file("a.json")
      let faulty = FaultyFileSystem(.error(EIO), at: number, persists: dies, only: Self.operations)
      let folder = try? SpoolFolder(fixture.queue, isExclusive: false, in: faulty)
      let accepted = folder.flatMap { try? $0.accept(file) }
      if faulty.failed.isEmpty {
        #expect(accepted == true)
        break
      }
      reached += faulty.failed.prefix(1)
      #expect(accepted == nil)
      // Trying again finishes the job at once, or says that it was done.
      if !dies, let folder { #expect((try? folder.accept(file)) != nil) }
      let restarted = try open()
      let names = try fixture.names
      if !names.isEmpty {
        #expect(try names == ["a.json"] && fixture.text("a.json") == "text")
        #expect(dies || folder == nil)
        #expect(try restarted.accept(try fixture.file("a.json")))
      } else {
        #expect(!dies || reached.last == .synchronizeFolder || reached.last == .remove)
      }
      #expect(try fixture.names.isEmpty && fixture.aside.isEmpty && fixture.rejected.isEmpty)
    }
    #expect(Set(reached).isSuperset(of: [.rename, .remove, .synchronizeFolder, .createFolder]))
  }

  /// Fails or dies at every operation while a new version takes the place of the old: the new one is in the
  /// queue after a restart.
  @Test(arguments: [true, false], [true, false]) func newVersionsSurviveFaults(accepts: Bool, dies: Bool)
    throws
  {
    let (aside, queued) = (fixture.parent + "/aside", fixture.path("a.json"))
    var renames = 0
    for number in 0... {
      try? FileManager.default.removeItem(atPath: fixture.queue)
      _ = try open()
      try fixture.put("old", "a.json")
      try SpoolFixture.put("new", aside)
      let file = try fixture.file("a.json")
      let faulty = FaultyFileSystem(
        .error(EIO), at: number, persists: dies, only: Self.operations,
        beforeRename: { if $0 == queued { rename(aside, queued) } })
      let folder = try? SpoolFolder(fixture.queue, isExclusive: false, in: faulty)
      if accepts {
        _ = folder.flatMap { try? $0.accept(file) }
      } else {
        _ = try? folder?.reject(file, "wrong")
      }
      if faulty.failed.first == .rename { renames += 1 }
      _ = try open()
      let texts =
        try fixture.names.map { try fixture.text($0) }
        + fixture.rejected.map { try fixture.text("rejected/" + $0) }
      let isReplaced = access(aside, F_OK) != 0
      #expect(texts.contains(isReplaced ? "new" : "old"), "\(faulty.failed)")
      if accepts, isReplaced { #expect(try fixture.text("a.json") == "new") }
      if faulty.failed.isEmpty { break }
    }
    #expect(renames >= 2)
  }

  /// Fails or dies at every operation: the file is in the queue, or rejected with its whole explanation; after a
  /// restart it is rejected under its own name.
  @Test(arguments: [true, false]) func rejectingSurvivesFaults(dies: Bool) throws {
    let text = "wrong\nin many ways"
    var reached: [FileError.Operation] = []
    for number in 0... {
      try? FileManager.default.removeItem(atPath: fixture.queue)
      _ = try open()
      try fixture.put("text", "a.json")
      let faulty = FaultyFileSystem(.error(EIO), at: number, persists: dies, only: Self.operations)
      let folder = try? SpoolFolder(fixture.queue, isExclusive: false, in: faulty)
      let path = try? folder?.reject(try fixture.file("a.json"), text)
      if faulty.failed.isEmpty {
        #expect(path == fixture.path("rejected/a.json"))
        break
      }
      reached += faulty.failed.prefix(1)
      #expect(path == nil)
      let restarted = try open()
      if try fixture.names.isEmpty {
        #expect(reached.last == .synchronizeFolder)
      } else {
        #expect(try fixture.text("a.json") == "text")
        #expect(try restarted.reject(try fixture.file("a.json"), text) == fixture.path("rejected/a.json"))
      }
      #expect(try fixture.rejected.filter { !$0.hasPrefix(".") } == ["a.json", "a.json.error.txt"])
      #expect(try fixture.text("rejected/a.json") == "text")
      #expect(try fixture.text("rejected/a.json.error.txt") == text + "\n")
    }
    #expect(Set(reached).isSuperset(of: [.create, .write, .synchronize, .rename, .synchronizeFolder]))
  }
}
