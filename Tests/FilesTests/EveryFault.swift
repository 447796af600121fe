import Files
import Foundation
import TestSupport
import Testing

extension FaultyFileSystem {
  /// Runs `body` with every operation failing in every way, one after the other, until none is left to fail.
  static func forEveryFault(
    _ body: (_ fileSystem: FaultyFileSystem, _ isPassing: Bool) throws -> Void
  ) throws -> Int {
    var runs = 0
    for fault in [Fault.error(ENOSPC), .error(EIO), .tornWrite(ENOSPC), .shortWrite] {
      for persists in [false, true] {
        for number in 0... {
          let fileSystem = FaultyFileSystem(fault, at: number, persists: persists, waitsForDevice: true)
          try body(fileSystem, !persists)
          #expect(fileSystem.openCount == 0, "a file was left open, after \(fileSystem.failed)")
          #expect(fileSystem.closedTwice == [], "after \(fileSystem.failed)")
          if fileSystem.failed.isEmpty { break }
          runs += 1
        }
      }
    }
    return runs
  }
}
