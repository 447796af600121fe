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

  /// - Parameter count: values, not bytes. The pages are touched only when they are used.
  package init(count: Int) {
    precondition(count >= 0, "FloatStorage: count \(count) is negative")
    let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    precondition(!overflow, "FloatStorage: \(count) values overflow the address space")
    // calloc keeps large blocks untouched; the slack makes room for the alignment.
    let (padded, tooLarge) = bytes.addingReportingOverflow(Self.alignment)
    guard !tooLarge, let block = calloc(1, padded) else {
      fatalError("FloatStorage: no memory for \(count) float32 values")
    }
    self.block = block
    let aligned = (UInt(bitPattern: block) + UInt(Self.alignment - 1)) & ~UInt(Self.alignment - 1)
    base = UnsafeMutableRawPointer(bitPattern: aligned)!.bindMemory(to: Float.self, capacity: max(count, 1))
    self.count = count
  }

  deinit { free(block) }

  private let block: UnsafeMutableRawPointer
  private static let alignment = 64

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
