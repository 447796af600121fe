import Foundation

/// The errors of a single file's content, in one place so that they read alike.
extension DatasetError {
  static func truncated(_ file: SourceFile, found: Int, expected: Int) -> DatasetError {
    DatasetError(
      .truncatedFile, file: file.path, offset: found,
      problem: "truncated\(file.decompressedNote): found \(found) bytes, expected \(expected)",
      remedy: file.repair)
  }

  /// - Parameter found: the length, where it is known without decompressing a file that has no end.
  static func tooLong(_ file: SourceFile, found: Int?, expected: Int) -> DatasetError {
    let length = found.map { "\($0) bytes" } ?? "more"
    return DatasetError(
      .tooLongFile, file: file.path, offset: expected,
      problem: "too long\(file.decompressedNote): found \(length), expected \(expected) bytes, "
        + "the first extra one at offset \(expected)",
      remedy: file.repair)
  }

  /// - Parameter ranks: the numbers of dimensions that would have been right.
  static func wrongMagic(_ file: SourceFile, found: UInt32, ranks: [Int]) -> DatasetError {
    let expected = ranks.map { "0x" + hexadecimal(0x0800 | UInt32($0)) }.joined(separator: " or ")
    let dimensions = ranks.map(String.init).joined(separator: " or ")
    return DatasetError(
      .wrongMagicNumber, file: file.path, offset: 0,
      problem: "wrong magic number 0x\(hexadecimal(found)) at offset 0, expected \(expected) "
        + "(unsigned bytes, \(dimensions) dimension\(dimensions == "1" ? "" : "s"))",
      remedy: file.repair)
  }

  static func labelOutOfRange(
    _ file: SourceFile, _ what: String, value: UInt8, offset: Int, largest: Int
  ) -> DatasetError {
    DatasetError(
      .labelOutOfRange, file: file.path, offset: offset,
      problem: "\(what) \(value) out of range at offset \(offset), the largest allowed is \(largest)",
      remedy: file.repair)
  }

  static func damagedGzip(_ file: SourceFile, offset: Int, _ detail: String) -> DatasetError {
    DatasetError(
      .damagedGzip, file: file.path, offset: offset,
      problem: "damaged gzip data at offset \(offset) of the compressed file: \(detail)", remedy: file.repair)
  }

  static func unreadable(_ file: SourceFile, _ detail: String, offset: Int? = nil) -> DatasetError {
    DatasetError(
      .unreadableFile, file: file.path, offset: offset, problem: detail,
      remedy: "give a regular file that this user may read")
  }

  /// - Parameter code: the system's error number.
  static func unreadable(
    _ file: SourceFile, _ detail: String, code: Int32, offset: Int? = nil
  ) -> DatasetError {
    let problem = "\(detail): \(String(cString: strerror(code)))"
    guard [EIO, ENOMEM, EAGAIN, EMFILE, ENFILE, ESTALE, ETIMEDOUT].contains(code) else {
      return unreadable(file, problem, offset: offset)
    }
    return DatasetError(
      .unreadableFile, file: file.path, offset: offset, problem: problem,
      remedy: "see to the machine or its disk, and try again", mayPass: true,
      isForWantOfDescriptors: code == EMFILE || code == ENFILE)
  }

  static func missing(_ file: SourceFile) -> DatasetError {
    DatasetError(
      .missingFile, file: file.path, problem: "no such file, raw or with .gz",
      remedy: "correct the path in the config; relative paths begin at the config's folder")
  }

  private static func hexadecimal(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
