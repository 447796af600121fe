/// One byte of each record, in place: the labels of a set.
struct ByteColumn: Sendable, RandomAccessCollection {
  private let storage: ByteStorage
  /// Where the first record's byte is in `storage`.
  private let first: Int
  /// Bytes from one record's to the next one's.
  private let stride: Int
  let count: Int

  init(_ storage: ByteStorage, first: Int, stride: Int, count: Int) {
    precondition(
      count == 0 || first >= 0 && first + (count - 1) * stride < storage.count,
      "ByteColumn: \(count) bytes, \(stride) apart from \(first) on, do not fit \(storage.count) bytes")
    self.storage = storage
    self.first = first
    self.stride = stride
    self.count = count
  }

  var startIndex: Int { 0 }
  var endIndex: Int { count }

  subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count, "ByteColumn: byte \(index) of \(count)")
    return storage.withBytes { $0[first + index * stride] }
  }

  /// The bytes of `count` records from `start` on.
  func part(from start: Int, count: Int) -> ByteColumn {
    ByteColumn(storage, first: first + start * stride, stride: stride, count: count)
  }

  /// Whether there are several, all of them the same.
  var isUniform: Bool { count > 1 && !contains { $0 != self[0] } }
}
