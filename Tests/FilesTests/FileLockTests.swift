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

  private static let flock = "/usr/bin/flock"

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: flock), "util-linux is not installed"))
  func theKernelReleasesTheLockOfAKilledProcess() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("lock")
    let holder = Process()
    let (input, output) = (Pipe(), Pipe())
    holder.executableURL = URL(fileURLWithPath: Self.flock)
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
}
