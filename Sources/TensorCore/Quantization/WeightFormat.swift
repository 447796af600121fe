/// How the levels of quantized weights are stored: the bits of one, their order in a byte, and what they are worth.
///
/// A row of a matrix begins on a byte of its own. The first weight of a byte has its lowest bits; bits behind the last weight
/// of a row are zero, and ignored.
package enum WeightFormat: Sendable, Hashable, CaseIterable {
  /// -1, 0, 1: rounded half to even and clipped. Two bits, the level plus one; 3 is damage.
  case ternary
  /// -1, 1, and 0 for exactly 0. One bit, 1 for +1; a matrix that has a zero is stored as a ternary one.
  case binary

  /// Of one weight as it is stored.
  package var bits: Int { self == .ternary ? 2 : 1 }

  /// Bytes of a row of so many weights.
  package func bytes(columns: Int) -> Int { (Size.product(columns, bits) + 7) / 8 }

  /// Bytes of a matrix, without its scale.
  package func bytes(rows: Int, columns: Int) -> Int { Size.product(rows, bytes(columns: columns)) }

  /// The bytes of a matrix with zeros for the bits behind the last weight of each row, which mean nothing.
  func clearingPadding(of bytes: [UInt8], columns: Int) -> [UInt8] {
    let (stride, used) = (self.bytes(columns: columns), columns * bits % 8)
    guard used > 0 else { return bytes }
    var bytes = bytes
    for last in Swift.stride(from: stride - 1, to: bytes.count, by: stride) { bytes[last] &= 1 << used - 1 }
    return bytes
  }

  /// The deepest products whose sums fit into 32 bits, whatever the activations: each is 128 at most.
  package static let greatestDepth = (1 << 24) - 1

  /// The bits of a level that the format has.
  @inline(__always)
  func code(_ level: Float) -> UInt8 {
    switch self {
    case .ternary: level < 0 ? 0 : level > 0 ? 2 : 1
    case .binary: level < 0 ? 0 : 1
    }
  }
}
