import CZlib
import Foundation

/// The decompressed content of a gzip file (RFC 1952) of one or several members, checked against each member's CRC
/// and length. Zeros behind the last member are padding, as for gzip(1): tapes and some copies end in them. Memory is a
/// fixed window; whoever reads bounds how much is taken.
final class GzipReader: ByteReader {
  private static let windowLength = 65_536
  /// Window bits 15, the largest window, + 16, which makes zlib read gzip's header and trailer.
  private static let windowBits: Int32 = 15 + 16

  private let compressed: FileReader
  private let window: UnsafeMutableRawBufferPointer
  private var stream = z_stream()
  /// Bytes read from the file so far, those zlib has not taken yet included.
  private var bytesRead = 0
  /// Where the member being read begins.
  private var memberOffset = 0
  private var isBetweenMembers = false
  /// Where the zeros behind the last member begin.
  private var paddingOffset: Int?
  private var isAtEnd = false

  /// - Throws: `unreadableFile` when zlib has no memory left.
  init(_ compressed: FileReader) throws(DatasetError) {
    self.compressed = compressed
    window = .allocate(byteCount: Self.windowLength, alignment: 16)
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit2_(&stream, Self.windowBits, ZLIB_VERSION, size) == Z_OK else {
      window.deallocate()
      throw .unreadable(compressed.file, "zlib cannot start decompressing it", code: ENOMEM)
    }
  }

  deinit {
    inflateEnd(&stream)
    window.deallocate()
  }

  /// - Throws: `damagedGzip` for a broken or cut stream, a wrong CRC or length, and anything but zeros after the last member;
  ///   `unreadableFile`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    // zlib counts in 32 bits.
    let capacity = min(buffer.count, 1 << 30)
    guard capacity > 0, !isAtEnd else { return 0 }
    stream.next_out = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = UInt32(capacity)
    while stream.avail_out > 0 {
      if stream.avail_in == 0, try !refill() {
        guard isBetweenMembers else {
          throw .damagedGzip(compressed.file, offset: bytesRead, "it ends in the middle of the data")
        }
        isAtEnd = true
        break
      }
      if isBetweenMembers, try skipPadding() { continue }
      try inflateOnce()
    }
    return capacity - Int(stream.avail_out)
  }

  /// Passes over zeros behind a member; false where there are none at the input's beginning, but another member's header.
  private func skipPadding() throws(DatasetError) -> Bool {
    let input = UnsafeBufferPointer(start: stream.next_in, count: Int(stream.avail_in))
    let zeros = input.prefix { $0 == 0 }.count
    if zeros == 0, paddingOffset == nil { return false }
    let begin = paddingOffset ?? offset
    paddingOffset = begin
    stream.next_in += zeros
    stream.avail_in -= UInt32(zeros)
    if zeros < input.count {
      throw .damagedGzip(compressed.file, offset: begin, "trailing garbage after the compressed data")
    }
    return true
  }

  private func inflateOnce() throws(DatasetError) {
    if isBetweenMembers {
      memberOffset = offset
      inflateReset(&stream)
      isBetweenMembers = false
    }
    switch inflate(&stream, Z_NO_FLUSH) {
    case Z_OK, Z_BUF_ERROR:
      // Progress, or a wish for more input, which the caller's loop meets: there is room for output.
      break
    case Z_STREAM_END:
      isBetweenMembers = true
    case Z_NEED_DICT:
      throw .damagedGzip(compressed.file, offset: offset, "it asks for a preset dictionary")
    case Z_MEM_ERROR:
      throw .unreadable(compressed.file, "zlib cannot decompress it", code: ENOMEM)
    default:
      let reason = stream.msg.map { String(cString: $0) } ?? "invalid data"
      guard stream.total_out == 0, reason == "incorrect header check" else {
        throw .damagedGzip(compressed.file, offset: offset, reason)
      }
      throw .damagedGzip(
        compressed.file, offset: memberOffset,
        memberOffset > 0
          ? "trailing garbage after the compressed data"
          : "not gzip; a file that is not compressed must not be named .gz")
    }
  }

  /// Offset in the compressed file of the next byte zlib takes.
  private var offset: Int { bytesRead - Int(stream.avail_in) }

  /// Whether there was more of the file.
  private func refill() throws(DatasetError) -> Bool {
    let count = try compressed.read(into: window)
    bytesRead += count
    stream.next_in = window.baseAddress!.assumingMemoryBound(to: UInt8.self)
    stream.avail_in = UInt32(count)
    return count > 0
  }
}
