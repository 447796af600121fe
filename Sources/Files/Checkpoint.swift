/// All that a run needs to go on from a step: tensors, and a map of strings for everything else.
package struct Checkpoint: Sendable, Hashable {
  /// Steps completed.
  package var step: Int
  package var content: SafetensorsFile

  package init(step: Int, content: SafetensorsFile) {
    self.step = step
    self.content = content
  }
}

/// The file of one checkpoint: a safetensors file in an envelope that shows every damage.
///
///     offset  bytes
///     0       8      "BITLABCP"
///     8       4      version of the format, 1
///     12      4      0
///     16      8      step
///     24      8      n, the length of what follows but for the last 4 bytes
///     32      n      safetensors
///     32+n    4      CRC-32 (zlib's) of all bytes before
///
/// Numbers are little-endian. A CRC-32 finds every flipped byte; a cut shows in the length.
enum CheckpointFormat {
  static let magic = Array("BITLABCP".utf8)
  static let version: UInt32 = 1
  static let envelopeCount = 32
  static let checksumCount = 4

  enum Defect: Error {
    case damaged(String)
    /// Whole, but of a version that this program does not know.
    case unsupported(version: UInt32)
  }

  /// Hands out the file's bytes, piece by piece.
  static func encode(
    step: Int, tensors: [TensorSource], metadata: [String: String],
    _ write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let count = SafetensorsFile.encodedCount(tensors, metadata: metadata)
    var envelope = magic
    envelope += littleEndian(version)
    envelope += littleEndian(UInt32(0))
    envelope += littleEndian(UInt64(step))
    envelope += littleEndian(UInt64(count))
    var checksum: UInt32 = 0
    func checked(_ bytes: UnsafeRawBufferPointer) throws {
      checksum = CRC32.checksum(of: bytes, continuing: checksum)
      try write(bytes)
    }
    try envelope.withUnsafeBytes(checked)
    try SafetensorsFile.encode(tensors, metadata: metadata, checked)
    try littleEndian(checksum).withUnsafeBytes(write)
  }

  /// Reads a whole file's bytes, whatever they are.
  static func decode(_ bytes: UnsafeRawBufferPointer) throws(Defect) -> Checkpoint {
    guard bytes.count >= envelopeCount + checksumCount else {
      throw .damaged("is \(bytes.count) bytes long, too short for a checkpoint")
    }
    guard bytes.prefix(magic.count).elementsEqual(magic) else { throw .damaged("is not a checkpoint") }
    let end = bytes.count - checksumCount
    let count = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    guard count == UInt64(end - envelopeCount) else {
      throw .damaged("was cut short or grew: \(bytes.count) bytes, with \(count) announced")
    }
    let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self))
    guard checksum == CRC32.checksum(of: UnsafeRawBufferPointer(rebasing: bytes[..<end])) else {
      throw .damaged("its checksum does not match its content")
    }
    let version = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    guard version == Self.version else { throw .unsupported(version: version) }
    guard
      let step = Int(
        exactly: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)))
    else { throw .damaged("its step is out of range") }
    do {
      let content = try SafetensorsFile(bytes: UnsafeRawBufferPointer(rebasing: bytes[envelopeCount..<end]))
      return Checkpoint(step: step, content: content)
    } catch {
      throw .damaged(error.problem)
    }
  }

  private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}
