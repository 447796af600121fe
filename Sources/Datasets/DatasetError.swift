/// Why data could not be read: what happened, in which file, where in it, and what to do about it.
///
/// Reads as `FILE: PROBLEM: REMEDY`:
///
///     data/mnist/train-images-idx3-ubyte: wrong magic number 0x00000801 at offset 0, expected 0x00000803 (unsigned
///     bytes, 3 dimensions): ...
package struct DatasetError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong, as far as a program can act on it.
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// No such file in any of the places searched.
    case missingFile
    /// It is there, but cannot be opened or read, or is no file.
    case unreadableFile
    case truncatedFile
    case tooLongFile
    case wrongMagicNumber
    /// Dimensions that no file can have, or not those of the named data set.
    case wrongDimensions
    case labelOutOfRange
    /// The compressed form is broken; offsets are in the compressed file.
    case damagedGzip
    /// Images and labels, or training and validation set, do not belong together.
    case mismatch
    case emptySet
    /// Somebody writes it while it is read.
    case changedFile
  }

  package let kind: Kind
  package let file: String
  /// Bytes from the beginning of the file, where the problem has a place in it.
  package let offset: Int?
  /// What was found and what was expected, the offset included.
  package let problem: String
  /// What the user can do.
  package let remedy: String
  /// Whether the machine is to blame and not the file, so that the same may work later.
  package let mayPass: Bool
  /// Whether the process, or the whole system, has as many files open as it may.
  package let isForWantOfDescriptors: Bool

  init(
    _ kind: Kind, file: String, offset: Int? = nil, problem: String, remedy: String, mayPass: Bool = false,
    isForWantOfDescriptors: Bool = false
  ) {
    self.mayPass = mayPass
    self.isForWantOfDescriptors = isForWantOfDescriptors
    self.kind = kind
    self.file = file
    self.offset = offset
    self.problem = problem
    self.remedy = remedy
  }

  package var description: String { "\(file): \(problem): \(remedy)" }
}
