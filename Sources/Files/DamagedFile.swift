/// Files that do not hold what they should: they are kept under another name, for a person to look at.
package enum DamagedFile {
  /// Gives the file a name that nothing else has, and returns it. Throws `FileError`.
  package static func putAside(_ path: String, in fileSystem: any FileSystem) throws(FileError) -> String {
    let newPath = freePath(for: path, in: fileSystem)
    try fileSystem.rename(path, to: newPath)
    return newPath
  }

  /// Keeps a copy under a name that nothing else has, and returns that: for a file of which a part is still good.
  /// Throws `FileError`.
  package static func copyAside(_ path: String, in fileSystem: any FileSystem) throws -> String {
    let newPath = freePath(for: path, in: fileSystem)
    try DurableFile.write(try fileSystem.readAll(path), to: newPath, in: fileSystem)
    return newPath
  }

  private static func freePath(for path: String, in fileSystem: any FileSystem) -> String {
    var newPath = path + ".damaged"
    var number = 2
    while fileSystem.exists(newPath) {
      newPath = path + ".damaged-\(number)"
      number += 1
    }
    return newPath
  }
}
