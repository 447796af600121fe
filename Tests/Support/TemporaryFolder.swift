import Files
import Foundation

/// A folder for one test, removed with the object.
package final class TemporaryFolder {
  package let path: String

  package init() throws {
    var template = Array("\(NSTemporaryDirectory())/bitlab-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError(.createFolder, "the test's folder", code: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
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
