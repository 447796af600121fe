import Foundation

/// Bytes in memory that never change: a file's whole content, decompressed.
///
/// They are read, not mapped: what others do to the file later neither changes them nor takes them away.
///
/// `@unchecked Sendable`: the bytes are written before the initializer returns and only read afterwards, and live as
/// long as the object.
final class ByteStorage: @unchecked Sendable {
  private let bytes: UnsafeBufferPointer<UInt8>
  /// Of all bytes, 64 hexadecimal digits.
  let sha256: String

  /// Takes over what is in `buffer`.
  fileprivate init(_ buffer: ContentBuffer) {
    bytes = buffer.takeBytes()
    sha256 = buffer.hash.finalized()
  }

  /// Copies `bytes`, which are not from a file; `name` is for the error.
  /// - Throws: `unreadableFile` where there is no memory.
  convenience init(copying bytes: [UInt8], name: String) throws(DatasetError) {
    let buffer = ContentBuffer(SourceFile(path: name)) { realloc($0, $1) }
    try buffer.reserve(bytes.count)
    bytes.withUnsafeBytes { buffer.append($0) }
    self.init(buffer)
  }

  /// Several files' contents, each of so many bytes, one behind the other. The hash is that of all.
  ///
  /// - Parameters:
  ///   - paths: for the error where there is no memory.
  ///   - part: reads one of them.
  static func joined(
    _ paths: [String], length: Int, part: (Int) throws(DatasetError) -> ByteStorage
  ) throws(DatasetError) -> ByteStorage {
    let buffer = ContentBuffer(SourceFile(path: paths[0])) { realloc($0, $1) }
    try buffer.reserve(length * paths.count)
    for index in paths.indices {
      try part(index).withBytes { bytes in buffer.append(UnsafeRawBufferPointer(bytes)) }
    }
    return ByteStorage(buffer)
  }

  deinit { free(UnsafeMutableRawPointer(mutating: bytes.baseAddress)) }

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
  ///   - allocate: `realloc`, or what a test puts in its place.
  ///   - expectedLength: the length of the whole content, at least 1.
  /// - Throws: `missingFile`, `unreadableFile`, `damagedGzip`, `truncatedFile`, `tooLongFile`, and what
  ///   `expectedLength` throws.
  static func content(
    of file: SourceFile, prefixLength: Int,
    allocate: @escaping ContentBuffer.Allocator = { realloc($0, $1) },
    expectedLength: (_ prefix: [UInt8]) throws(DatasetError) -> Int
  ) throws(DatasetError) -> ByteStorage {
    let reader = try FileReader(file)
    let buffer = ContentBuffer(file, allocate: allocate)
    if try reader.holdsGzip() {
      let content = try GzipReader(reader)
      try buffer.fill(upTo: prefixLength, from: content)
      try buffer.read(content, toItsEndAfter: try expectedLength(buffer.content))
    } else {
      let expected = try expectedLength(try reader.peek(prefixLength))
      if reader.byteCount < expected {
        throw .truncated(file, found: reader.byteCount, expected: expected)
      }
      if reader.byteCount > expected { throw .tooLong(file, found: reader.byteCount, expected: expected) }
      try buffer.reserve(expected)
      try buffer.read(reader, toItsEndAfter: expected)
    }
    return ByteStorage(buffer)
  }
}

/// Content on its way into memory, hashed piece by piece while it is in the caches.
final class ContentBuffer {
  /// `realloc`: it moves pages instead of copying them, so that growing never holds the content twice. nil where there is
  /// no memory.
  typealias Allocator = (_ memory: UnsafeMutableRawPointer?, _ count: Int) -> UnsafeMutableRawPointer?

  private static let pieceLength = 262_144

  private let file: SourceFile
  private let allocate: Allocator
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0
  private var count = 0
  private(set) var hash = SHA256()

  init(_ file: SourceFile, allocate: @escaping Allocator) {
    self.file = file
    self.allocate = allocate
  }

  deinit { free(memory) }

  /// A copy of what is there.
  var content: [UInt8] { Array(UnsafeRawBufferPointer(start: memory, count: count)) }

  /// Hands over the bytes, which whoever has them frees.
  func takeBytes() -> UnsafeBufferPointer<UInt8> {
    defer { (memory, capacity) = (nil, 0) }
    return UnsafeBufferPointer(start: memory?.assumingMemoryBound(to: UInt8.self), count: count)
  }

  /// Makes room for so many bytes in all.
  /// - Throws: `unreadableFile`, which may pass, where there is no memory.
  func reserve(_ wanted: Int) throws(DatasetError) {
    guard wanted > capacity else { return }
    guard let grown = allocate(memory, wanted) else {
      throw .unreadable(file, "its content cannot be held in memory, \(wanted) bytes", code: ENOMEM)
    }
    (memory, capacity) = (grown, wanted)
  }

  /// Adds bytes for which there is room.
  func append(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= capacity - count, "ContentBuffer: no room for \(bytes.count) bytes")
    UnsafeMutableRawBufferPointer(start: memory, count: capacity)[count...].copyBytes(from: bytes)
    hash.update(bytes)
    count += bytes.count
  }

  /// Reads until there are `limit` bytes, or the content ends.
  func fill(upTo limit: Int, from reader: any ByteReader) throws(DatasetError) {
    while count < limit {
      if count == capacity { try reserve(min(limit, max(65_536, capacity * 2))) }
      let room = min(limit - count, capacity - count, Self.pieceLength)
      let piece = UnsafeMutableRawBufferPointer(start: memory! + count, count: room)
      let found = try reader.read(into: piece)
      if found == 0 { return }
      hash.update(UnsafeRawBufferPointer(rebasing: piece[..<found]))
      count += found
    }
  }

  /// Reads the rest, which must make `expected` bytes of it all. The end is reached, and with it gzip's checksum, only by
  /// asking for more than there should be.
  func read(_ reader: any ByteReader, toItsEndAfter expected: Int) throws(DatasetError) {
    try fill(upTo: expected, from: reader)
    if count < expected { throw .truncated(file, found: count, expected: expected) }
    if count > expected { throw .tooLong(file, found: nil, expected: expected) }
    var extra: UInt8 = 0
    let isTooLong = try withUnsafeMutableBytes(of: &extra) { buffer throws(DatasetError) in
      try reader.read(into: buffer) > 0
    }
    if isTooLong { throw .tooLong(file, found: nil, expected: expected) }
  }
}
