import Files
import Foundation
import TestSupport
import Testing

struct AppendingFileTests {
  @Test func appendsAndTellsItsLength() throws {
    let folder = try TemporaryFolder()
    let file = try AppendingFile(folder.file("rows"), .cutTo(0), in: POSIXFileSystem())
    try file.append("a,b\n")
    try file.append("1,2\n")
    try file.sync()
    #expect(file.length == 8)
    #expect(try folder.text("rows") == "a,b\n1,2\n")
  }

  @Test func dropsRowsThatTheCheckpointDoesNotKnow() throws {
    let folder = try TemporaryFolder()
    try folder.put(Array("a,b\n1,2\n3,4\n5".utf8), as: "rows")
    let file = try AppendingFile(folder.file("rows"), .cutTo(8), in: POSIXFileSystem())
    #expect(try folder.text("rows") == "a,b\n1,2\n")
    try file.append("6,7\n")
    #expect(try folder.text("rows") == "a,b\n1,2\n6,7\n")
  }

  @Test(arguments: [("", 0), ("torn", 0), ("a\n", 2), ("a\nb\ntorn", 4)])
  func goesOnAfterTheLastWholeRow(content: String, length: Int) throws {
    let folder = try TemporaryFolder()
    try folder.put(Array(content.utf8), as: "rows")
    let file = try AppendingFile(folder.file("rows"), .afterLastWholeRow, in: POSIXFileSystem())
    #expect(file.length == length)
    try file.append("z\n")
    #expect(try folder.text("rows") == String(content.prefix(length)) + "z\n")
  }

  @Test func missingRowsAreAnErrorAndNothingIsCreated() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: FileContentError.self) {
      try AppendingFile(folder.file("rows"), .cutTo(8), in: POSIXFileSystem())
    }
    #expect(error?.problem == "is missing, but the checkpoint counts on 8 bytes of rows")
    #expect(try folder.names == [])
    try folder.put(Array("a,b\n".utf8), as: "rows")
    let shorter = #expect(throws: FileContentError.self) {
      try AppendingFile(folder.file("rows"), .cutTo(8), in: POSIXFileSystem())
    }
    #expect(shorter?.problem == "is 4 bytes long, but the checkpoint counts on 8 bytes of rows")
    #expect(try folder.text("rows") == "a,b\n")
  }

  /// The checksum of what is there, however it came to be there: by appends, also failed ones, or before.
  @Test func theRowsAreKnownByTheirChecksum() throws {
    let folder = try TemporaryFolder()
    let long = String(repeating: "a row of some length\n", count: 10_000)
    try folder.put(Array((long + "dropped\n").utf8), as: "rows")
    let path = folder.file("rows")
    func expected(_ text: String) -> AppendedRows {
      AppendedRows(
        length: text.utf8.count, checksum: Array(text.utf8).withUnsafeBytes { CRC32.checksum(of: $0) })
    }
    let fileSystem = FaultyFileSystem(.tornWrite(ENOSPC), at: 1, only: [.write])
    let file = try AppendingFile(path, .cutTo(long.utf8.count), in: fileSystem)
    #expect(file.rows == expected(long))
    try file.append("1,2\n")
    #expect(throws: FileError.self) { try file.append("lost\n") }
    try file.append("3,4\n")
    #expect(file.rows == expected(long + "1,2\n3,4\n"))
    let again = try AppendingFile(path, .afterLastWholeRow, in: POSIXFileSystem())
    #expect(again.rows == file.rows)
    #expect(try file.rows.problem(in: path, of: POSIXFileSystem()) == nil)
    try again.append("5,6\n")
    #expect(try file.rows.problem(in: path, of: POSIXFileSystem()) == nil)
  }

  @Test func rowsThatAreNotThereAreAProblem() throws {
    let folder = try TemporaryFolder()
    let (path, files) = (folder.file("rows"), POSIXFileSystem())
    let rows = AppendedRows(
      length: 8, checksum: Array("a,b\n1,2\n".utf8).withUnsafeBytes { CRC32.checksum(of: $0) })
    #expect(try AppendedRows(length: 0, checksum: nil).problem(in: path, of: files) == nil)
    #expect(
      try rows.problem(in: path, of: files) == "is missing, but the checkpoint counts on 8 bytes of rows")
    try folder.put(Array("a,b\n".utf8), as: "rows")
    #expect(
      try rows.problem(in: path, of: files) == "is 4 bytes long, but the checkpoint counts on 8 bytes of rows"
    )
    try folder.put(Array("a,b\n1,3\n5,6\n".utf8), as: "rows")
    #expect(
      try rows.problem(in: path, of: files)
        == "its first 8 bytes are not the rows that the checkpoint counts on")
    #expect(try AppendedRows(length: 8, checksum: nil).problem(in: path, of: files) == nil)
  }

  @Test func everyFaultLeavesWholeRows() throws {
    let rows = (0..<6).map { "row \($0), of some length\n" }
    let runs = try FaultyFileSystem.forEveryFault { fileSystem, isPassing in
      let folder = try TemporaryFolder()
      try folder.put(Array("header\ntorn".utf8), as: "rows")
      guard let file = try? AppendingFile(folder.file("rows"), .cutTo(7), in: fileSystem) else {
        // It may have been cut already, but no more than that.
        let text = try folder.text("rows")
        #expect(text == "header\ntorn" || text == "header\n")
        return
      }
      var expected = "header\n"
      for row in rows {
        if (try? file.append(row)) != nil { expected += row }
        #expect(file.length == expected.utf8.count)
        // Where cutting is impossible too, what is behind the length is cut off when the file is opened
        // again.
        if !isPassing {
          #expect(try folder.text("rows").hasPrefix(expected), "after \(fileSystem.failed)")
        } else {
          #expect(try folder.text("rows") == expected, "after \(fileSystem.failed)")
        }
      }
      let again = try AppendingFile(folder.file("rows"), .cutTo(file.length), in: POSIXFileSystem())
      #expect(try folder.text("rows") == expected)
      try again.sync()
    }
    #expect(runs > 30)
  }

  @Test func afterAFailedSyncNoLaterOneSucceeds() throws {
    let folder = try TemporaryFolder()
    // Open, size, write, then the sync.
    let fileSystem = FaultyFileSystem(.error(EIO), at: 3)
    let file = try AppendingFile(folder.file("rows"), .cutTo(0), in: fileSystem)
    try file.append("a\n")
    #expect(throws: FileError(.synchronize, folder.file("rows"), code: EIO)) { try file.sync() }
    #expect(fileSystem.failed == [.synchronize])
    #expect(throws: FileError(.synchronize, folder.file("rows"), code: EIO)) { try file.sync() }
  }

  @Test func cutsOffDebrisThatCouldNotBeCutAtOnce() throws {
    let folder = try TemporaryFolder()
    let fileSystem = TwoFaults()
    let file = try AppendingFile(folder.file("rows"), .cutTo(0), in: fileSystem)
    try file.append("a\n")
    fileSystem.arm()
    #expect(throws: FileError.self) { try file.append("bbbbbb\n") }
    #expect(try folder.text("rows") == "a\nbbb")
    fileSystem.disarm()
    try file.append("c\n")
    #expect(try folder.text("rows") == "a\nc\n")
  }
}

/// A file system whose writes are torn and whose truncations fail, while armed.
private final class TwoFaults: FileSystem {
  private let faulty = FaultyFileSystem(.tornWrite(ENOSPC), at: 0, persists: true)
  private let real = POSIXFileSystem()
  nonisolated(unsafe) private var isArmed = false  // Used by one thread alone, the test's.

  private var current: any FileSystem { isArmed ? faulty : real }

  func arm() { isArmed = true }
  func disarm() { isArmed = false }

  func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile { try current.open(path, mode) }
  func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    try current.read(file, into: buffer)
  }
  func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    try current.write(file, bytes)
  }
  func synchronize(_ file: OpenFile) throws(FileError) { try current.synchronize(file) }
  func truncate(_ file: OpenFile, to length: Int) throws(FileError) { try current.truncate(file, to: length) }
  func size(_ file: OpenFile) throws(FileError) -> Int { try current.size(file) }
  func close(_ file: OpenFile) throws(FileError) { try current.close(file) }
  func rename(_ path: String, to newPath: String) throws(FileError) { try current.rename(path, to: newPath) }
  func remove(_ path: String) throws(FileError) { try current.remove(path) }
  func exists(_ path: String) -> Bool { current.exists(path) }
  func createFolder(_ path: String) throws(FileError) -> Bool { try current.createFolder(path) }
  func list(_ path: String) throws(FileError) -> [String] { try current.list(path) }
  func synchronizeFolder(_ path: String) throws(FileError) { try current.synchronizeFolder(path) }
}
