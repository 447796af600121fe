import Files
import Foundation

/// A folder for one test, removed with the object.
package final class TemporaryFolder {
  package let path: String

  package init() throws {
    path = FilePath.join(NSTemporaryDirectory(), "bitlab-" + UUID().uuidString.prefix(13))
    guard mkdir(path, 0o755) == 0 else { throw FileError(.createFolder, path, code: errno) }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  package func file(_ name: String) -> String { FilePath.join(path, name) }

  package var names: [String] { get throws { try POSIXFileSystem().list(path) } }

  /// Writes a file the plain way, as someone else would.
  package func put(_ bytes: [UInt8], as name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
  }

  package func text(_ name: String) throws -> String { try POSIXFileSystem().readText(file(name)) }
  package func bytes(_ name: String) throws -> [UInt8] { try POSIXFileSystem().readAll(file(name)) }
}
