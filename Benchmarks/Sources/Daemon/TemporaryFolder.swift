import Files
import Foundation

/// A folder that is removed with everything in it when a benchmark has ended.
final class TemporaryFolder {
  let path: String

  /// - Parameter parent: must be on a disk, since syncs are most of what is measured.
  init(in parent: String) throws {
    let files = POSIXFileSystem()
    let parent =
      parent.hasPrefix("/") ? parent : FilePath.join(FileManager.default.currentDirectoryPath, parent)
    try files.createFolders(parent)
    if let name = try Self.fileSystem(of: parent), ["tmpfs", "ramfs"].contains(name) {
      throw BenchmarkProblem("\(parent) is on \(name), in memory: name a folder on a disk with --folder")
    }
    path = FilePath.join(parent, "benchmark-\(UUID().uuidString.prefix(8).lowercased())")
    try files.createFolders(path)
    Leftovers.add(folder: path)
  }

  deinit { Leftovers.remove(folder: path) }

  func file(_ name: String) -> String { FilePath.join(path, name) }

  /// The kind of file system that a folder is on, by its device's line in `mountinfo`.
  private static func fileSystem(of folder: String) throws -> String? {
    var status = stat()
    guard stat(folder, &status) == 0 else { throw BenchmarkProblem("\(folder) cannot be looked at") }
    let device = "\(status.st_dev >> 8 & 0xfff):\(status.st_dev & 0xff | status.st_dev >> 12 & ~0xff)"
    for line in try POSIXFileSystem().readText("/proc/self/mountinfo").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 2, words[2] == device, let dash = words.firstIndex(of: "-") else { continue }
      return dash + 1 < words.count ? String(words[dash + 1]) : nil
    }
    return nil
  }
}
