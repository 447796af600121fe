#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Owned, zeroed, 64-byte aligned float32 memory of a fixed size.
///
/// Tensors are views into storage (`Vector`, `Matrix`); they do not keep it alive, so that the hot loops do no
/// reference counting. Whoever hands out views owns the storage for at least as long.
package final class FloatStorage: @unchecked Sendable {
  // Sendable invariant: the pointer never changes; who may write where at a time is the views' users' business.
  let base: UnsafeMutablePointer<Float>
  package let count: Int

  /// All zero. Traps where there is no memory: for what is small, or has nobody to tell; training uses `init(allocating:)`.
  package convenience init(count: Int) {
    do {
      try self.init(allocating: count)
    } catch {
      fatalError("FloatStorage: \(error)")
    }
  }

  /// All zero; the pages are touched only when they are used.
  ///
  /// - Parameter count: values, not bytes.
  package init(allocating count: Int) throws(OutOfMemory) {
    precondition(count >= 0, "FloatStorage: count \(count) is negative")
    // The slack makes room for the alignment.
    let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    let (padded, tooLarge) = bytes.addingReportingOverflow(Self.alignment)
    guard !overflow, !tooLarge, let block = Self.zeroed(padded) else { throw OutOfMemory(values: count) }
    self.block = block
    byteCount = padded
    let aligned = (UInt(bitPattern: block) + UInt(Self.alignment - 1)) & ~UInt(Self.alignment - 1)
    base = UnsafeMutableRawPointer(bitPattern: aligned)!.bindMemory(to: Float.self, capacity: max(count, 1))
    self.count = count
  }

  deinit {
    if byteCount >= Self.mappedBytes { munmap(block, byteCount) } else { free(block) }
  }

  /// Large blocks are mapped, so that the system has them back at once for whoever waits for memory: the heap keeps what
  /// was freed.
  private static func zeroed(_ bytes: Int) -> UnsafeMutableRawPointer? {
    guard bytes >= mappedBytes else { return calloc(1, bytes) }
    let block = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return block == MAP_FAILED ? nil : block
  }

  private let block: UnsafeMutableRawPointer
  private let byteCount: Int
  private static let alignment = 64
  private static let mappedBytes = 1 << 20

  /// A view of `range`.
  package func vector(_ range: Range<Int>) -> Vector {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count,
      "FloatStorage: range \(range) outside 0..<\(count)")
    return Vector(base: base + range.lowerBound, count: range.count)
  }

  /// A view of everything.
  package var all: Vector { Vector(base: base, count: count) }

  /// A copy of everything: for storage that nobody else owns, as a view would not keep it alive.
  package var array: [Float] { withExtendedLifetime(self) { all.array } }

  /// A dense row-major matrix that begins `offset` values into the storage.
  package func matrix(at offset: Int = 0, rows: Int, columns: Int) -> Matrix {
    vector(offset..<offset + rows * columns).matrix(rows: rows, columns: columns)
  }
}

/// The system has no memory for a tensor.
package struct OutOfMemory: Error, Hashable, CustomStringConvertible {
  /// Of float32.
  package let values: Int

  package var description: String {
    "the system refused memory for \(values) float32 values: end other programs or runs, raise the limit (ulimit -v), or "
      + "make the model smaller"
  }
}
