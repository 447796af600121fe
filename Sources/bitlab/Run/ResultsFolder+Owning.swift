import Experiments
import Files

extension ResultsFolder {
  /// Takes the folder for this process alone, until the lock goes; creates what is missing of it.
  ///
  /// Throws `FileError`, or `FileLock.Held` where another process has it.
  func own(in files: any FileSystem) throws -> FileLock {
    try create(in: files)
    let lock = try FileLock(lockFile)
    finishRemovals(in: files)
    return lock
  }
}
