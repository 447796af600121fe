import CZlib

/// What a checkpoint knows of an appended file: how long it was, and a checksum of what was in it.
package struct AppendedRows: Sendable, Hashable {
  package var length: Int
  /// CRC-32 of the first `length` bytes; nil in checkpoints of a program that did not know it.
  package var checksum: UInt32?

  package init(length: Int, checksum: UInt32?) {
    self.length = length
    self.checksum = checksum
  }

  /// What keeps the file from being these rows and perhaps later ones, as a phrase that follows its path; nil where it is.
  package func problem(in path: String, of fileSystem: any FileSystem) throws(FileError) -> String? {
    if length == 0 { return nil }
    guard fileSystem.exists(path) else { return missing("is missing") }
    let (size, found) = try fileSystem.checksum(of: path, first: length)
    if size < length { return missing("is \(size) bytes long") }
    guard let checksum, checksum != found else { return nil }
    return "its first \(length) bytes are not the rows that the checkpoint counts on"
  }

  private func missing(_ found: String) -> String {
    "\(found), but the checkpoint counts on \(length) bytes of rows"
  }
}

extension FileSystem {
  /// How many bytes there are up to `length`, and their CRC-32.
  func checksum(of path: String, first length: Int) throws(FileError) -> (count: Int, checksum: UInt32) {
    let file = try open(path, .read)
    let result: (Int, UInt32)
    do throws(FileError) {
      result = try checksum(of: file, first: length)
    } catch {
      try? close(file)
      throw error
    }
    try close(file)
    return result
  }

  /// The same of an open file, from its position on.
  func checksum(of file: OpenFile, first length: Int) throws(FileError) -> (count: Int, checksum: UInt32) {
    var window = [UInt8](repeating: 0, count: min(length, 65_536))
    var (count, checksum): (Int, UInt32) = (0, 0)
    while count < length {
      let found = try window.withUnsafeMutableBufferPointer { buffer throws(FileError) in
        let piece = UnsafeMutableRawBufferPointer(
          UnsafeMutableBufferPointer(rebasing: buffer.prefix(length - count)))
        let found = try read(file, into: piece)
        checksum = CRC32.checksum(of: .init(rebasing: piece[..<found]), continuing: checksum)
        return found
      }
      if found == 0 { break }
      count += found
    }
    return (count, checksum)
  }
}

/// The CRC-32 of zlib, gzip and PNG: it finds every flipped byte and every burst of up to 32 bits.
package enum CRC32 {
  /// The checksum of `bytes`, or, given the checksum of what comes before them, of both together.
  package static func checksum(of bytes: UnsafeRawBufferPointer, continuing checksum: UInt32 = 0) -> UInt32 {
    // zlib answers a null pointer with the initial value, not with the checksum so far.
    guard let start = bytes.baseAddress else { return checksum }
    return UInt32(crc32_z(UInt(checksum), start.assumingMemoryBound(to: UInt8.self), bytes.count))
  }

  /// The checksum of a text's UTF-8.
  package static func checksum(of text: String) -> UInt32 {
    Array(text.utf8).withUnsafeBytes { checksum(of: $0) }
  }

  /// Eight hexadecimal digits, as `crc32` and `gzip -lv` print them.
  package static func text(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
