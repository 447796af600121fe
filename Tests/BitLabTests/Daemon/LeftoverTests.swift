import Foundation
import TestSupport
import Testing

@testable import bitlab

/// What a daemon leaves in its process when it has stopped: nothing, so that a process can have many, one after the other.
struct LeftoverTests {
  private final class Weak {
    let name: String
    weak var object: AnyObject?

    init(_ name: String, _ object: AnyObject) {
      self.name = name
      self.object = object
    }
  }

  /// The objects that a value holds, and those that these hold.
  private func parts(of value: Any, _ name: String, depth: Int) -> [Weak] {
    let members = Mirror(reflecting: value).children.flatMap { label, value -> [Weak] in
      depth > 0 ? parts(of: value, "\(name).\(label ?? "?")", depth: depth - 1) : []
    }
    return type(of: value) is AnyClass ? [Weak(name, value as AnyObject)] + members : members
  }

  enum Life: CaseIterable {
    case idle, trains
    /// Its journal can be written no more, which it tries again and again.
    case broken
  }

  @Test(arguments: Life.allCases) func aStoppedDaemonLeavesNothing(life: Life) throws {
    let daemon = try InProcessDaemon()
    let files = FaultyFileSystem(
      .error(ENOSPC), at: .max, failingUnder: daemon.results + "/.bitlab/journal")
    try daemon.start(slots: 1, files: files)
    let parts = parts(of: try #require(daemon.daemon), "daemon", depth: 5)
    #expect(parts.contains { $0.name == "daemon.core.engine.executor.environment.pool" })
    switch life {
    case .idle: break
    case .trains:
      #expect(try daemon.submit(ConfigText().text).code == 0)
      #expect(daemon.verb("wait").code == 0)
    case .broken:
      #expect(try daemon.submit(InProcessDaemon.long()).code == 0)
      try daemon.wait(for: "long/full-seed0", "running")
      files.breakDown()
    }
    daemon.stop()
    let deadline = Date(timeIntervalSinceNow: 60)
    // The test has log and files too.
    func left() -> [String] {
      parts.filter { $0.object != nil && $0.object !== files }.map(\.name).filter { !$0.contains(".log") }
    }
    // What is asked of queues keeps them for a moment.
    while !left().isEmpty, Date() < deadline { usleep(1_000) }
    #expect(left() == [])
  }
}
