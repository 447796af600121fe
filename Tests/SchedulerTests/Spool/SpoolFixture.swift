import Dispatch
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Scheduler

/// A watched folder for one test, in a folder of its own that is removed with the object.
final class SpoolFixture {
  private let folder: TemporaryFolder
  var parent: String { folder.path }
  var queue: String { FilePath.join(parent, "queue") }

  init() throws { folder = try TemporaryFolder() }

  func path(_ name: String) -> String { FilePath.join(queue, name) }

  /// Writes to the path itself, as `cp` would.
  func put(_ text: String, _ name: String) throws { try Self.put(text, path(name)) }

  /// Writes aside and renames, as careful programs do.
  func moveIn(_ text: String, _ name: String) throws { try Self.moveIn(text, path(name)) }

  static func moveIn(_ text: String, _ path: String) throws {
    let aside = FilePath.join(FilePath.folder(of: FilePath.folder(of: path)), "moved-in")
    try put(text, aside)
    #expect(rename(aside, path) == 0)
  }

  static func put(_ text: String, _ path: String) throws {
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
  }

  func text(_ name: String) throws -> String { try POSIXFileSystem().readText(path(name)) }
  /// What is in the folder, but for our own folders.
  var names: [String] {
    get throws {
      try POSIXFileSystem().list(queue).filter { ![".taken", ".accepted", "rejected"].contains($0) }
    }
  }
  var rejected: [String] { get throws { try POSIXFileSystem().list(path("rejected")) } }
  var aside: [String] { get throws { try POSIXFileSystem().list(path(".taken")) } }

  func entry(_ name: SpoolName) throws -> SpoolEntry {
    try #require(SpoolEntry.look(at: SpoolPath.join(queue, name), named: name))
  }

  func entry(_ name: String) throws -> SpoolEntry { try entry(SpoolName(name)) }

  func file(_ name: String) throws -> SpooledFile {
    SpooledFile(name: name, bytes: Array(try text(name).utf8), entry: try entry(name))
  }

  /// Whether the system tells here who has a file open for writing.
  static let tellsWriters: Bool = {
    guard let fixture = try? SpoolFixture(), (try? put("x", fixture.parent + "/x")) != nil else {
      return false
    }
    var status = stat()
    let descriptor = open(fixture.parent + "/x", O_RDONLY)
    defer { close(descriptor) }
    guard fstat(descriptor, &status) == 0,
      let mounts = try? POSIXFileSystem().readText("/proc/self/mountinfo")
    else { return false }
    return SpoolReader.knowsEveryWriter(device: UInt64(status.st_dev), mounts: mounts)
      && SpoolReader.writers(of: descriptor) == .none
  }()
}

/// The machine's clocks, which a test can put forward.
final class MovableClock: Sendable {
  private let offset = Mutex(Duration.zero)

  func advance(_ duration: Duration) { offset.withLock { $0 += duration } }

  var now: SpoolTime {
    let offset = offset.withLock { $0 }
    let now = SpoolTime.now
    return SpoolTime(monotonic: now.monotonic + offset, wall: now.wall + offset)
  }
}

/// Keeps what a watcher delivers and waits for it.
final class Deliveries: @unchecked Sendable {
  // Everything is touched under the condition's lock.
  private let condition = NSCondition()
  private var all: [SpoolBatch] = []

  func take(_ batch: SpoolBatch) {
    condition.lock()
    all.append(batch)
    condition.broadcast()
    condition.unlock()
  }

  var batches: [SpoolBatch] { condition.withLock { all } }
  var files: [SpooledFile] { batches.flatMap(\.files) }
  var names: [String] { files.map(\.name) }
  var refusals: [SpoolRefusal] { batches.flatMap(\.refusals) }
  var notices: [SpoolNotice] { batches.flatMap(\.notices) }
  func texts(_ name: String) -> [String] {
    files.filter { $0.name == name }.map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  /// Waits until what came satisfies `isEnough`; a minute without that is a failure.
  func wait(_ isEnough: ([SpoolBatch]) -> Bool, _ location: SourceLocation = #_sourceLocation) {
    let deadline = Date(timeIntervalSinceNow: 60)
    condition.lock()
    defer { condition.unlock() }
    while !isEnough(all) {
      if !condition.wait(until: deadline) {
        Issue.record("waited in vain; came: \(all.map { $0.files.map(\.name) })", sourceLocation: location)
        return
      }
    }
  }

  func waitForFile(_ name: String, _ text: String? = nil, _ location: SourceLocation = #_sourceLocation) {
    wait(
      { batches in
        batches.contains { batch in
          batch.files.contains {
            $0.name == name && (text == nil || String(decoding: $0.bytes, as: UTF8.self) == text)
          }
        }
      }, location)
  }
}
