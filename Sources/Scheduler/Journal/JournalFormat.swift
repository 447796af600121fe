import Files

/// The bytes of a journal: a header, then one frame a record. Numbers are little-endian.
///
///     header
///     0       8      "BITLABJL"
///     8       4      version of the format, 1
///     12      8      sequence number of the first record
///     20      4      CRC-32 of the 20 bytes before
///
///     frame
///     0       8      marker
///     8       8      sequence number, one more than the frame's before
///     16      4      n, the length of the record
///     20      4      mask
///     24      4      CRC-32 of the 24 bytes before
///     28      n      the record, its bytes combined (exclusive or) with the mask's four, over and over
///     28+n    4      CRC-32 of the frame's first 24 bytes and the n of the masked record
///
/// The frame's head has a checksum of its own, so that its length can be trusted: that is how a record that was
/// cut short is told from a damaged one. The mask is 0 but for a record that happens to contain the marker, and
/// is then chosen so that the masked record does not. So a marker is where a frame begins and nowhere else, and
/// whoever looks for the next frame after damage never takes a part of a record for one.
///
/// A later version keeps the header's layout, and takes another marker if it changes the frame's.
enum JournalFormat {
  static let magic = Array("BITLABJL".utf8)
  static let version: UInt32 = 1
  static let headerCount = 24
  /// Three of its bytes occur in no UTF-8 text; no two are the same, so that it cannot overlap itself.
  static let marker: [UInt8] = [0xF5, 0x42, 0x4C, 0xC0, 0x4A, 0x52, 0xC1, 0xFF]
  static let frameHeadCount = 28
  static let checksumCount = 4
  /// The longest record, 4 MiB.
  static let maximumRecordBytes = 4 << 20

  /// Bytes of the frame of a record.
  static func frameCount(_ record: [UInt8]) -> Int { frameHeadCount + record.count + checksumCount }

  static func header(version: UInt32 = JournalFormat.version, firstSequence: UInt64) -> [UInt8] {
    var bytes = magic
    append(version, to: &bytes)
    append(firstSequence, to: &bytes)
    append(checksum(bytes, 0..<bytes.count), to: &bytes)
    return bytes
  }

  /// A whole journal that holds these records.
  static func bytes(of records: [[UInt8]], firstSequence: UInt64 = 1) -> [UInt8] {
    header(firstSequence: firstSequence) + frames(of: records, firstSequence: firstSequence)
  }

  /// Records in their frames, numbered from `firstSequence` on.
  static func frames(of records: [[UInt8]], firstSequence: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(records.reduce(0) { $0 + frameCount($1) })
    for (index, record) in records.enumerated() {
      appendFrame(record, sequence: firstSequence + UInt64(index), to: &bytes)
    }
    return bytes
  }

  static func appendFrame(_ record: [UInt8], sequence: UInt64, to bytes: inout [UInt8]) {
    precondition(record.count <= maximumRecordBytes, "JournalFormat: a record of \(record.count) bytes")
    let start = bytes.count
    let mask = mask(for: record)
    bytes += marker
    append(sequence, to: &bytes)
    append(UInt32(record.count), to: &bytes)
    append(mask, to: &bytes)
    let headChecksum = checksum(bytes, start..<bytes.count)
    append(headChecksum, to: &bytes)
    let recordStart = bytes.count
    bytes += record
    apply(mask, to: &bytes, from: recordStart)
    append(checksum(bytes, recordStart..<bytes.count, continuing: headChecksum), to: &bytes)
  }

  /// Masks the bytes from `start` on, or unmasks them.
  static func apply(_ mask: UInt32, to bytes: inout [UInt8], from start: Int = 0) {
    if mask == 0 { return }
    for place in start..<bytes.count {
      bytes[place] ^= UInt8(truncatingIfNeeded: mask >> (8 * UInt32((place - start) % 4)))
    }
  }

  /// The smallest mask under which `record` does not contain the marker.
  ///
  /// At each place of the record there is at most one mask that makes a marker appear, so that of n + 1 masks one
  /// is left.
  static func mask(for record: [UInt8]) -> UInt32 {
    guard offsetOfMarker(in: record, from: 0) != nil else { return 0 }
    var taken: Set<UInt32> = [0]
    for start in 0...(record.count - marker.count) {
      var mask: UInt32 = 0
      var isPossible = true
      for (place, wanted) in marker.enumerated() {
        let shift = 8 * UInt32((start + place) % 4)
        let byte = UInt32(record[start + place] ^ wanted)
        if place < 4 {
          mask |= byte << shift
        } else if (mask >> shift) & 0xFF != byte {
          isPossible = false
        }
      }
      if isPossible { taken.insert(mask) }
    }
    var mask: UInt32 = 1
    while taken.contains(mask) { mask += 1 }
    return mask
  }

  /// Where the next marker begins, at `start` or after it.
  static func offsetOfMarker(in bytes: [UInt8], from start: Int) -> Int? {
    let first = marker[0]
    var offset = start
    while offset <= bytes.count - marker.count {
      if bytes[offset] == first, bytes[offset..<offset + marker.count].elementsEqual(marker) { return offset }
      offset += 1
    }
    return nil
  }

  static func checksum(_ bytes: [UInt8], _ range: Range<Int>, continuing checksum: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes {
      CRC32.checksum(of: UnsafeRawBufferPointer(rebasing: $0[range]), continuing: checksum)
    }
  }

  static func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: [UInt8], at offset: Int, as type: Number.Type = Number.self
  ) -> Number {
    Number(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) })
  }

  private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }
}
