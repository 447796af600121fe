import CZlib

/// The CRC-32 of zlib, gzip and PNG: it finds every flipped byte and every burst of up to 32 bits.
package enum CRC32 {
  /// The checksum of `bytes`, or, given the checksum of what comes before them, of both together.
  package static func checksum(of bytes: UnsafeRawBufferPointer, continuing checksum: UInt32 = 0) -> UInt32 {
    // zlib answers a null pointer with the initial value, not with the checksum so far.
    guard let start = bytes.baseAddress else { return checksum }
    return UInt32(crc32_z(UInt(checksum), start.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
