import Files
import Foundation
import TestSupport
import Testing

struct DurableFileTests {
  private let old = [UInt8](repeating: 1, count: 1000)
  private let new = (0..<5).map { [UInt8](repeating: 10 + $0, count: 400) }

  @Test func replacesWithAllSegmentsInOrder() throws {
    let folder = try TemporaryFolder()
    try folder.put(old, as: "file")
    try new[0].withUnsafeBytes { first in
      try new[1].withUnsafeBytes { second in
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        try DurableFile.write([first, empty, second], to: folder.file("file"), in: POSIXFileSystem())
      }
    }
    #expect(try folder.bytes("file") == new[0] + new[1])
    #expect(try folder.names == ["file"])
  }

  @Test func leavesTheOldContentOrTheNewAtEveryFault() throws {
    let whole = Array(new.joined())
    let runs = try FaultyFileSystem.forEveryFault { fileSystem, isPassing in
      let folder = try TemporaryFolder()
      try folder.put(old, as: "file")
      do {
        try DurableFile.write(to: folder.file("file"), in: fileSystem) { writer in
          for segment in new { try writer.write(segment) }
        }
        #expect(try folder.bytes("file") == whole, "after \(fileSystem.failed)")
      } catch let error as FileError {
        let isInPlace = error.operation == .synchronizeFolder
        #expect(try folder.bytes("file") == (isInPlace ? whole : old), "after \(error)")
      }
      if isPassing { #expect(try folder.names == ["file"], "after \(fileSystem.failed)") }
    }
    #expect(runs > 40)
  }

  @Test func anErrorOfTheBodyLeavesNothing() throws {
    struct Interruption: Error {}
    let folder = try TemporaryFolder()
    #expect(throws: Interruption.self) {
      try DurableFile.write(to: folder.file("file"), in: POSIXFileSystem()) { writer in
        try writer.write(old)
        throw Interruption()
      }
    }
    #expect(try folder.names == [])
  }

  @Test func overwritesWhatAKilledWriterLeft() throws {
    let folder = try TemporaryFolder()
    var leftover = ""
    try DurableFile.write(to: folder.file("file"), in: POSIXFileSystem()) { _ in
      leftover = try folder.names[0]
    }
    #expect(DurableFile.isTemporary(leftover) && !DurableFile.isTemporary("file"))
    try folder.put(old, as: leftover)
    try DurableFile.write("short", to: folder.file("file"), in: POSIXFileSystem())
    #expect(try folder.text("file") == "short")
    #expect(try folder.names == ["file"])
  }

  @Test func twoWritersOfOneFileDoNotMix() throws {
    let folder = try TemporaryFolder()
    try DurableFile.write(to: folder.file("file"), in: POSIXFileSystem()) { outer in
      try outer.write(new[0])
      try DurableFile.write(new[1], to: folder.file("file"), in: POSIXFileSystem())
      #expect(try folder.bytes("file") == new[1])
      try outer.write(new[2])
    }
    #expect(try folder.bytes("file") == new[0] + new[2])
    #expect(try folder.names == ["file"])
  }
}

struct FileErrorTests {
  @Test func saysWhatWhereWhyAndWhatToDo() throws {
    let error = FileError(.write, "results/a/curve.csv", code: ENOSPC)
    #expect(
      "\(error)"
        == "cannot write results/a/curve.csv: No space left on device (28): "
        + "free some space")
    #expect(error.isDiskFull && !error.isMissing && !error.isPermissionDenied)
    #expect(FileError(.open, "a", code: ENOENT).isMissing)
    #expect(FileError(.open, "a", code: EROFS).isPermissionDenied)
  }

  @Test func theRealFileSystemReportsItsErrors() throws {
    let folder = try TemporaryFolder()
    let files = POSIXFileSystem()
    #expect(throws: FileError(.open, folder.file("none"), code: ENOENT)) {
      try files.readAll(folder.file("none"))
    }
    #expect(throws: FileError(.create, folder.path, code: EISDIR)) { try files.open(folder.path, .replace) }
    #expect(throws: FileError(.list, folder.file("none"), code: ENOENT)) {
      try files.list(folder.file("none"))
    }
    try folder.put([], as: "file")
    #expect(throws: FileError(.createFolder, folder.file("file"), code: EEXIST)) {
      try files.createFolder(folder.file("file"))
    }
    let full = try files.open("/dev/full", .append)
    let error = #expect(throws: FileError.self) {
      try [1, 2].withUnsafeBytes { try files.writeAll(full, $0) }
    }
    try files.close(full)
    #expect(error?.isDiskFull == true)
  }
}

struct FileSystemTests {
  @Test func createsAllFoldersOfAPath() throws {
    let folder = try TemporaryFolder()
    let files = POSIXFileSystem()
    try files.createFolders(folder.file("a/b/c"))
    try files.createFolders(folder.file("a/b/c/"))
    try folder.put([7], as: "a/b/c/file")
    #expect(try files.list(folder.file("a/b/c")) == ["file"])
  }

  @Test(arguments: [0, 1, 4095, 4096, 4097, 1_000_003])
  func readsBackWhatWasWritten(count: Int) throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try DurableFile.write(bytes, to: folder.file("file"), in: POSIXFileSystem())
    #expect(try folder.bytes("file") == bytes)
  }

  @Test func readsFilesWhoseSizeIsNotKnown() throws {
    #expect(try POSIXFileSystem().readText("/proc/self/status").contains("Name:"))
  }

  @Test(arguments: [
    ("a", ".", "a"), ("a/b", "a", "b"), ("/a", "/", "a"), ("/a/b/", "/a", "b"), ("/", "/", ""),
    ("./a", ".", "a"),
    ("a//b", "a", "b"),
  ])
  func takesPathsApart(path: String, folder: String, name: String) {
    #expect(FilePath.folder(of: path) == folder)
    #expect(FilePath.name(of: path) == name)
  }
}
