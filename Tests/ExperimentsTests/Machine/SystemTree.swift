import Files
import Foundation
import TestSupport

@testable import Experiments

/// A folder in place of the system's root: what the kernel would tell in files.
final class SystemTree {
  private let folder: TemporaryFolder

  init(_ files: [String: String]) throws {
    folder = try TemporaryFolder()
    for (path, text) in files {
      let whole = folder.path + path
      try POSIXFileSystem().createFolders(FilePath.folder(of: whole))
      try Data(text.utf8).write(to: URL(fileURLWithPath: whole))
    }
  }

  var files: SystemFiles { SystemFiles(root: folder.path) }

  /// Lines of `/proc/self/mountinfo`.
  static func unified(_ root: String = "/", at folder: String = "/sys/fs/cgroup") -> String {
    "30 23 0:26 \(root) \(folder) rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
  }

  static func one(_ controllers: String, _ root: String = "/") -> String {
    "33 31 0:30 \(root) /sys/fs/cgroup/\(controllers) rw,relatime shared:9 - cgroup cgroup rw,\(controllers)\n"
  }
}
