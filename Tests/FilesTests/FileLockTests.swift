import Dispatch
import Files
import Foundation
import TestSupport
import Testing

struct FileLockTests {
  @Test func oneHolderAtATimeAndItsProcessIsTold() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("lock")
    var lock: FileLock? = try FileLock(path)
    #expect(throws: FileLock.Held(path: path, pid: getpid())) { try FileLock(path) }
    #expect(throws: FileLock.Held(path: path, pid: getpid())) { try FileLock(path) }
    #expect(lock?.path == path)
    lock = nil
    let next = try FileLock(path)
    #expect(throws: FileLock.Held(path: path, pid: getpid())) { try FileLock(next.path) }
  }

  @Test func whatAProcessLeftInTheFileDoesNotMatter() throws {
    let folder = try TemporaryFolder()
    try folder.put(Array("1234567890123\n".utf8), as: "lock")
    let lock = try FileLock(folder.file("lock"))
    #expect(try folder.text("lock") == "\(getpid())\n")
    _ = lock
  }

  @Test func aMissingFolderIsAFileError() throws {
    let folder = try TemporaryFolder()
    #expect(throws: FileError(.open, folder.file("none/lock"), code: ENOENT)) {
      try FileLock(folder.file("none/lock"))
    }
  }

  @Test func whoHoldsItIsTold() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("lock")
    #expect(FileLock.holder(of: path) == nil && !POSIXFileSystem().exists(path))
    // Nor does a pipe in its place hold up whoever asks.
    try #require(mkfifo(path, 0o600) == 0)
    #expect(FileLock.holder(of: path) == nil)
    try POSIXFileSystem().remove(path)
    try folder.put([], as: "before")
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -1)], ofItemAtPath: folder.file("before"))
    var lock: FileLock? = try FileLock(path)
    try folder.put([], as: "after")
    let holder = try #require(FileLock.holder(of: path))
    #expect(holder.pid == getpid() && lock?.path == path)
    #expect(holder.heldWhenWritten(folder.file("after")))
    #expect(!holder.heldWhenWritten(folder.file("before")) && !holder.heldWhenWritten(folder.file("none")))
    lock = nil
    #expect(FileLock.holder(of: path) == nil)
  }

  /// Else a daemon would not start because somebody asks for its status, which takes the lock as it is taken here.
  @Test func whoLooksIsInNobodysWay() throws {
    let folder = try TemporaryFolder()
    try folder.put([], as: "lock")
    let descriptor = open(folder.file("lock"), O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    try #require(flock(descriptor, LOCK_SH | LOCK_NB) == 0)
    DispatchQueue.global().asyncAfter(deadline: .now() + 0.02) { flock(descriptor, LOCK_UN) }
    let lock = try FileLock(folder.file("lock"))
    #expect(FileLock.holder(of: lock.path)?.pid == getpid())
  }

  private static let flockProgram = "/usr/bin/flock"

  @Test(
    .enabled(if: FileManager.default.isExecutableFile(atPath: flockProgram), "util-linux is not installed"))
  func theKernelReleasesTheLockOfAKilledProcess() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("lock")
    let holder = Process()
    let (input, output) = (Pipe(), Pipe())
    holder.executableURL = URL(fileURLWithPath: Self.flockProgram)
    holder.arguments = ["-n", "-F", path, "sh", "-c", #"echo $$ > "$0"; echo ready; exec cat"#, path]
    holder.standardInput = input
    holder.standardOutput = output
    try holder.run()
    #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "ready\n")
    #expect(throws: FileLock.Held(path: path, pid: holder.processIdentifier)) { try FileLock(path) }
    kill(holder.processIdentifier, SIGKILL)
    holder.waitUntilExit()
    _ = try FileLock(path)
  }

  /// A folder that is moved away takes the lock's file along, and so does one that is removed.
  @Test func aLockKnowsWhetherItIsInPlace() throws {
    let folder = try TemporaryFolder()
    let files = POSIXFileSystem()
    for moves in [true, false] {
      _ = try files.createFolder(folder.file("results"))
      let lock = try FileLock(folder.file("results/lock"))
      #expect(lock.isInPlace)
      if moves {
        try files.rename(folder.file("results"), to: folder.file("moved"))
      } else {
        try files.remove(folder.file("results/lock"))
      }
      #expect(!lock.isInPlace)
      if moves { _ = try files.createFolder(folder.file("results")) }
      // Another one at the same place is another's.
      let other = try FileLock(folder.file("results/lock"))
      #expect(!lock.isInPlace && other.isInPlace)
      try FileManager.default.removeItem(atPath: folder.file("results"))
    }
  }
}
