import Foundation

/// Bytes that never change: a file's own pages, mapped read-only, or memory that holds decompressed content.
///
/// `@unchecked Sendable`: the bytes are written before the initializer returns and only read afterwards, and live as
/// long as the object. A mapped file must not be cut while it is used; nothing else can take its bytes away.
final class ByteStorage: @unchecked Sendable {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let isMapped: Bool

  /// Copies `bytes`.
  init(copying bytes: [UInt8]) {
    let memory = UnsafeMutableBufferPointer<UInt8>(start: Self.allocate(bytes.count), count: bytes.count)
    _ = memory.update(fromContentsOf: bytes)
    self.bytes = UnsafeBufferPointer(memory)
    self.isMapped = false
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, isMapped: Bool) {
    self.bytes = bytes
    self.isMapped = isMapped
  }

  deinit {
    let memory = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    if isMapped { munmap(memory, bytes.count) } else { free(memory) }
  }

  var count: Int { bytes.count }

  /// Calls `body` with all bytes, which are valid during the call only.
  func withBytes<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // The object may otherwise go, and its memory with it, once the pointer has been taken out.
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }

  /// The content of a file, raw or gzip, whose length follows from its beginning.
  ///
  /// Memory grows with the bytes there are, never with the length a header claims, and never beyond that.
  ///
  /// - Parameters:
  ///   - prefixLength: bytes that `expectedLength` wants to see; it gets fewer where the content is shorter.
  ///   - expectedLength: the length of the whole content, at least 1.
  /// - Throws: `missingFile`, `unreadableFile`, `damagedGzip`, `truncatedFile`, `tooLongFile`, and what
  ///   `expectedLength` throws.
  static func content(
    of file: SourceFile, prefixLength: Int,
    expectedLength: (_ prefix: [UInt8]) throws(DatasetError) -> Int
  ) throws(DatasetError) -> ByteStorage {
    let reader = try FileReader(file)
    if try reader.holdsGzip() {
      return try decompress(reader, prefixLength: prefixLength, expectedLength: expectedLength)
    }
    let expected = try expectedLength(try reader.peek(prefixLength))
    if reader.byteCount < expected { throw .truncated(file, found: reader.byteCount, expected: expected) }
    if reader.byteCount > expected { throw .tooLong(file, found: reader.byteCount, expected: expected) }
    return try map(reader)
  }

  private static func map(_ reader: FileReader) throws(DatasetError) -> ByteStorage {
    let length = reader.byteCount
    guard let memory = mmap(nil, length, PROT_READ, MAP_PRIVATE, reader.descriptor, 0), memory != MAP_FAILED
    else {
      throw .unreadable(reader.file, "cannot be mapped into memory", code: errno)
    }
    let bytes = UnsafeBufferPointer(
      start: UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), count: length)
    return ByteStorage(bytes: bytes, isMapped: true)
  }

  private static func decompress(
    _ compressed: FileReader, prefixLength: Int,
    expectedLength: (_ prefix: [UInt8]) throws(DatasetError) -> Int
  ) throws(DatasetError) -> ByteStorage {
    let reader = try GzipReader(compressed)
    var capacity = max(prefixLength, 65_536)
    var memory = allocate(capacity)
    var isOwned = true
    defer { if isOwned { free(memory) } }

    var filled = 0
    func fill(upTo limit: Int) throws(DatasetError) {
      while filled < limit {
        if filled == capacity {
          capacity = min(limit, capacity * 2)
          memory = allocate(capacity, growing: memory)
        }
        let room = UnsafeMutableRawBufferPointer(start: memory + filled, count: min(limit, capacity) - filled)
        let count = try reader.read(into: room)
        if count == 0 { return }
        filled += count
      }
    }

    try fill(upTo: prefixLength)
    let expected = try expectedLength(Array(UnsafeBufferPointer(start: memory, count: filled)))
    try fill(upTo: expected)
    if filled < expected { throw .truncated(compressed.file, found: filled, expected: expected) }
    // The end is reached, and with it the checksum, only by asking for more than there should be.
    var extra: UInt8 = 0
    let isTooLong = try withUnsafeMutableBytes(of: &extra) { buffer throws(DatasetError) in
      if filled > expected { return true }
      return try reader.read(into: buffer) > 0
    }
    if isTooLong { throw .tooLong(compressed.file, found: nil, expected: expected) }
    isOwned = false
    return ByteStorage(bytes: UnsafeBufferPointer(start: memory, count: filled), isMapped: false)
  }

  /// `malloc`, whose `realloc` moves pages instead of copying them, so growing never holds the content twice.
  private static func allocate(
    _ count: Int, growing memory: UnsafeMutablePointer<UInt8>? = nil
  ) -> UnsafeMutablePointer<UInt8> {
    guard let memory = realloc(memory, max(count, 1)) else {
      fatalError("ByteStorage: no memory for \(count) bytes")
    }
    return memory.assumingMemoryBound(to: UInt8.self)
  }
}
