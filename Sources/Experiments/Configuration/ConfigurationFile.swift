import Files
import Foundation

/// Why an experiment file could not be read.
package struct ConfigurationFileError: Error, Sendable, Hashable, CustomStringConvertible {
  package var path: String
  /// Whether there is no such file, as opposed to one that cannot be read.
  package var isMissing: Bool
  package var reason: String

  package init(path: String, isMissing: Bool, reason: String) {
    self.path = path
    self.isMissing = isMissing
    self.reason = reason
  }

  package var description: String { "\(path): error: \(reason)" }
}

/// An experiment file's content and where it lies.
package struct ConfigurationFile: Sendable, Hashable {
  /// As the user named it.
  package let path: String
  /// The content byte for byte, cut one byte after the most that an experiment may have.
  package let bytes: [UInt8]
  /// What was set in it, beside the file as it lies there.
  package let overrides: [ConfigurationOverride]

  /// The folder that paths in the file are relative to.
  package var folder: String { FilePath.folder(of: path) }

  package init(path: String, bytes: [UInt8], overrides: [ConfigurationOverride] = []) {
    self.path = path
    self.bytes = bytes
    self.overrides = overrides
  }

  /// Reads the file, however large it says it is, no further than needed to refuse it.
  ///
  /// - Parameter path: `-` for standard input, in whose place paths are relative to the current folder.
  package init(reading path: String) throws(ConfigurationFileError) {
    guard let stream = path == Self.inputPath ? fdopen(dup(STDIN_FILENO), "rb") : fopen(path, "rb") else {
      throw Self.failure(path, code: errno)
    }
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: ConfigurationText.largestFile + 1)
    let count = fread(&bytes, 1, bytes.count, stream)
    if ferror(stream) != 0 { throw Self.failure(path, code: errno) }
    self.init(path: path, bytes: Array(bytes.prefix(count)))
  }

  /// Means standard input.
  package static let inputPath = "-"

  private static func failure(_ path: String, code: Int32) -> ConfigurationFileError {
    let isMissing = code == ENOENT || code == ENOTDIR
    let reason =
      isMissing ? "there is no such file" : "the file cannot be read: \(String(cString: strerror(code)))"
    return ConfigurationFileError(path: path, isMissing: isMissing, reason: reason)
  }
}

extension Experiment {
  /// Reads an experiment from its file.
  package init(
    _ file: ConfigurationFile, physicalMemory: UInt64 = ProcessInfo.processInfo.physicalMemory
  ) throws(ConfigurationError) {
    try self.init(bytes: file.bytes, path: file.path, physicalMemory: physicalMemory)
  }
}
