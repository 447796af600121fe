import Foundation

/// The files in a tar archive, raw or compressed, read front to back: the format of POSIX (ustar), as far as official archives
/// use it.
package final class TarReader {
  /// A regular file.
  package struct Entry: Sendable, Hashable {
    /// With its folders.
    package let path: String
    package let byteCount: Int
  }

  private static let blockLength = 512

  private let file: SourceFile
  private let reader: any ByteReader
  private var offset = 0
  /// Bytes of the entry that are to be read, and those that fill its last block.
  private var (rest, padding) = (0, 0)
  /// What is read to be looked at, or passed over.
  private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)

  /// - Throws: `missingFile`, `unreadableFile`.
  package init(_ path: String) throws(DatasetError) {
    file = SourceFile(path: path)
    reader = try FileReader.content(of: file)
  }

  deinit { piece.deallocate() }

  /// The next regular file; nil at the end.
  ///
  /// - Throws: `truncatedFile`, `damagedGzip`, `unreadableFile`; `wrongMagicNumber` for what is no archive.
  package func next() throws(DatasetError) -> Entry? {
    while true {
      try skip(rest + padding)
      (rest, padding) = (0, 0)
      let header = try block()
      // Two blocks of zeros end an archive; some have none.
      if header.allSatisfy({ $0 == 0 }) { return nil }
      guard header.count == Self.blockLength else { throw truncated() }
      guard Self.isHeader(header), let count = Self.octal(header[124..<136]) else {
        throw DatasetError(
          .wrongMagicNumber, file: file.path, offset: offset - header.count,
          problem: "is no tar archive, or a damaged one, at offset \(offset - header.count)",
          remedy: "get it again")
      }
      (rest, padding) = (count, (Self.blockLength - count % Self.blockLength) % Self.blockLength)
      let isRegular = header[156] == 0 || header[156] == UInt8(ascii: "0")
      if isRegular {
        let folder = Self.text(header[345..<500])
        return Entry(
          path: (folder.isEmpty ? "" : folder + "/") + Self.text(header[0..<100]), byteCount: count)
      }
    }
  }

  /// Reads the entry's content; returns how many bytes, 0 at its end.
  ///
  /// - Throws: as `next`.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    guard rest > 0 else { return 0 }
    let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(rest))
    let count = try reader.read(into: wanted)
    if count == 0 { throw truncated() }
    offset += count
    rest -= count
    return count
  }

  private func skip(_ count: Int) throws(DatasetError) {
    var left = count
    while left > 0 {
      let found = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: piece.prefix(left)))
      if found == 0 { throw truncated() }
      offset += found
      left -= found
    }
  }

  /// The next block; shorter where the archive ends.
  private func block() throws(DatasetError) -> [UInt8] {
    var count = 0
    while count < Self.blockLength {
      let found = try reader.read(
        into: UnsafeMutableRawBufferPointer(rebasing: piece[count..<Self.blockLength]))
      if found == 0 { break }
      count += found
    }
    offset += count
    return Array(piece[..<count])
  }

  private func truncated() -> DatasetError {
    DatasetError(
      .truncatedFile, file: file.path, offset: offset,
      problem: "the archive ends in the middle, at offset \(offset)",
      remedy: "get it again")
  }

  /// Whether the sum of its bytes is the one in it, which is itself counted as blanks.
  private static func isHeader(_ header: [UInt8]) -> Bool {
    let sum = header.indices.reduce(0) { $0 + (148..<156 ~= $1 ? 32 : Int(header[$1])) }
    return octal(header[148..<156]) == sum
  }

  /// nil for what is no number, or one that no file has.
  private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
    Int(text(field).trimmingCharacters(in: .whitespaces), radix: 8).flatMap { 0...(1 << 40) ~= $0 ? $0 : nil }
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }
}
