import Datasets
import Files
import Synchronization

/// What files hash to, each read once as long as it does not change: thousands of runs may begin from the same weights.
enum FileHashes {
  private static let known = Mutex<[String: (version: FileVersion, sha256: String)]>([:])
  private static let mostKnown = 64

  /// The SHA-256 of a regular file; nil where none is there or it cannot be read.
  static func sha256(of path: String, in files: any FileSystem) -> String? {
    guard let version = FileVersion(path: path) else { return nil }
    if let found = known.withLock({ $0[path] }), found.version == version { return found.sha256 }
    guard let bytes = try? files.readAll(path) else { return nil }
    let sha256 = SHA256.hexadecimal(of: bytes)
    // A change in the moment of the reading, or one so recent that a later one might not show, is looked at again.
    guard version == FileVersion(path: path), version.isSettled else { return sha256 }
    known.withLock { known in
      if known.count >= mostKnown { known = [:] }
      known[path] = (version, sha256)
    }
    return sha256
  }
}
