import Foundation

@testable import Datasets

/// A folder of a test's own, removed with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/bitlab-datasets-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Its data sets, without those of the system.
  var data: DataFolder { DataFolder(path, includesSystem: false) }

  /// Writes a file, and the folders above it, and returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  func source(_ bytes: [UInt8], _ name: String) throws -> SourceFile {
    SourceFile(path: try write(bytes, name))
  }
}
