import Foundation

/// Bytes read front to back.
protocol ByteReader {
  /// Fills `buffer`, or the beginning of it, and returns how many bytes: 0 at the end and never before.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int
}

/// An open regular file, closed with the object.
final class FileReader: ByteReader {
  let file: SourceFile
  /// Bytes, as of opening.
  let byteCount: Int
  let descriptor: Int32
  private var offset = 0

  /// - Throws: `missingFile`, `unreadableFile`.
  init(_ file: SourceFile) throws(DatasetError) {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? .missing(file) : .unreadable(file, "cannot be opened", code: errno)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .unreadable(file, "is not a regular file")
    }
    self.file = file
    self.byteCount = Int(status.st_size)
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// - Throws: `unreadableFile`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    guard buffer.count > 0 else { return 0 }
    while true {
      let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 {
        offset += count
        return count
      }
      if errno != EINTR {
        throw .unreadable(file, "cannot be read at offset \(offset)", code: errno, offset: offset)
      }
    }
  }

  /// The first bytes, up to `count`, without moving on.
  /// - Throws: `unreadableFile`.
  func peek(_ count: Int) throws(DatasetError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let found = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, 0) }
    guard found >= 0 else {
      throw .unreadable(file, "cannot be read at offset 0", code: errno, offset: 0)
    }
    return Array(bytes.prefix(found))
  }

  /// A reader of the content, decompressed where the name or the first two bytes say gzip. No data set's raw file
  /// begins with gzip's 0x1f 0x8b: IDX begins with two zeros, CIFAR-100 with a coarse label below 20.
  static func content(of file: SourceFile) throws(DatasetError) -> any ByteReader {
    let reader = try FileReader(file)
    guard try reader.holdsGzip() else { return reader }
    return try GzipReader(reader)
  }

  /// Bytes of the content, decompressed, as far as the file says it without being read: gzip ends with the length of its last
  /// member.
  var contentCount: Int {
    guard (try? holdsGzip()) == true else { return byteCount }
    var bytes = [UInt8](repeating: 0, count: 4)
    let found = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, 4, off_t(byteCount - 4)) }
    guard found == 4 else { return byteCount }
    return max(byteCount, bytes.reversed().reduce(0) { $0 << 8 | Int($1) })
  }

  func holdsGzip() throws(DatasetError) -> Bool {
    if file.isNamedGzip { return true }
    return try peek(2) == [0x1f, 0x8b]
  }
}
