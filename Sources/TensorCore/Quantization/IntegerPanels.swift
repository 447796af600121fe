import CKernels
import CSIMD
import Foundation

/// The kernels for products of int8 activations with quantized weights, by the instructions that they need. All give the
/// same bits.
package enum IntegerKernel: String, Sendable, CaseIterable {
  case portable, avx2

  /// Whether this CPU has the instructions.
  package var isAvailable: Bool {
    switch self {
    case .portable: true
    case .avx2: ckernels_has_avx2() != 0
    }
  }

  /// Those that this CPU can run, the best last.
  package static let available = allCases.filter(\.isAvailable)

  /// What this process uses: what `BITLAB_KERNELS` names, as tests do, else the best that the CPU has.
  package static let current = getenv(variable).flatMap { named(String(cString: $0)) } ?? available.last!

  package static let variable = "BITLAB_KERNELS"

  /// nil for a name that is none, and for a kernel that this CPU cannot run.
  package static func named(_ name: String) -> IntegerKernel? { available.first { $0.rawValue == name } }

  @inline(__always)
  fileprivate func multiply(_ product: inout ckernels_product) {
    switch self {
    case .portable: ckernels_multiply_portable(&product)
    case .avx2:
      #if arch(x86_64)
        ckernels_multiply_avx2(&product)
      #else
        preconditionFailure("AVX2 on another CPU")
      #endif
    }
  }
}

/// The levels of quantized weights as integer products read them, `[depth, columns]`: panels of 16 columns, four steps of
/// the depth side by side, a byte for each, the level plus one. Behind the depth and the columns are zeros.
package struct IntegerPanels: @unchecked Sendable {
  // Sendable invariant: as for `Matrix`.
  fileprivate let base: UnsafeMutablePointer<UInt8>
  package let depth: Int
  package let columns: Int
  /// What one level is worth.
  package let scale: Float

  private static let width = Int(CKERNELS_COLUMNS)
  private static let steps = Int(CKERNELS_DEPTH)

  /// Values of float32 that have room for the panels.
  package static func capacity(depth: Int, columns: Int) -> Int {
    Size.product(Size.roundedUp(columns, to: width), Size.roundedUp(depth, to: steps)) / 4
  }

  /// Room for panels, to be packed.
  package init(packedIn room: Vector, depth: Int, columns: Int, scale: Float) {
    precondition(
      room.count >= Self.capacity(depth: depth, columns: columns) && depth <= WeightFormat.greatestDepth,
      "IntegerPanels: \(room.count) values of room for \(depth)x\(columns)")
    base = UnsafeMutableRawPointer(room.base).assumingMemoryBound(to: UInt8.self)
    self.depth = depth
    self.columns = columns
    self.scale = scale
  }

  fileprivate var groups: Int { (depth + Self.steps - 1) / Self.steps }
  private var panelStride: Int { groups * Self.width * Self.steps }

  fileprivate func panel(_ column: Int) -> UnsafeMutablePointer<UInt8> {
    base + column / Self.width * panelStride
  }

  /// Packs the rows of `levels`, -1, 0 or 1 each, as columns from `column` on, a multiple of 16; the last ones end a panel or
  /// the matrix.
  package func packTransposed(_ levels: Matrix, atColumn column: Int = 0) {
    precondition(
      levels.columns == depth && column >= 0 && column % Self.width == 0 && column + levels.rows <= columns
        && (levels.rows % Self.width == 0 || column + levels.rows == columns),
      "IntegerPanels: (\(levels.rows)x\(levels.columns))^T at column \(column) into \(depth)x\(columns)")
    for first in stride(from: 0, to: levels.rows, by: Self.width) {
      let panel = panel(column + first)
      for row in 0..<Self.width {
        let to = panel + row * Self.steps
        guard first + row < levels.rows else {
          for group in 0..<groups { Self.store(0, to + group * Self.width * Self.steps) }
          continue
        }
        pack(levels.base + (first + row) * levels.stride, to: to)
      }
    }
  }

  /// One column of a panel.
  private func pack(_ levels: UnsafePointer<Float>, to panel: UnsafeMutablePointer<UInt8>) {
    let stride = Self.width * Self.steps
    var to = panel
    forEachVector(depth) { offset, lanes in
      // As whole numbers, the bits of this sum are the level and one more than those of the number alone.
      var bits = unsafeBitCast(loadLanes(levels + offset, lanes) + 12_582_913, to: SIMD8<UInt32>.self)
      for lane in lanes..<laneCount { bits[lane] = 0 }
      let bytes = unsafeBitCast(SIMD8<UInt8>(truncatingIfNeeded: bits), to: SIMD2<UInt32>.self)
      Self.store(bytes[0], to)
      if lanes > Self.steps { Self.store(bytes[1], to + stride) }
      to += 2 * stride
    }
  }

  @inline(__always)
  private static func store(_ four: UInt32, _ pointer: UnsafeMutablePointer<UInt8>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: four, as: UInt32.self)
  }
}

/// Rows that are multiplied by one panel after the other.
private let rowsOfBlock = 60

/// `y = s / sx (x q) + b` of int8 activations and quantized weights: `x [rows, depth]`, `y [rows, columns]`.
///
/// Sums are whole numbers and exact, so that no kernel, thread or CPU gives other bits; what follows is a division for each
/// row and one rounding.
///
/// - Parameter bias: nil for none.
package func multiply(
  _ x: Int8Matrix, _ weights: IntegerPanels, into y: Matrix, bias: Vector? = nil,
  kernel: IntegerKernel = .current
) {
  precondition(
    x.columns == weights.depth && y.rows == x.rows && y.columns == weights.columns
      && bias.map { $0.count == weights.columns } ?? true,
    "multiply: int8 \(x.rows)x\(x.columns) by \(weights.depth)x\(weights.columns) into \(y.rows)x\(y.columns)"
  )
  let width = Int(CKERNELS_COLUMNS)
  // On the stack: the factors and sums of a block's rows, a panel's biases, and the columns of a panel that y has not all of.
  var room = InlineArray<1096, Float>(repeating: 0)
  precondition(room.count >= rowsOfBlock * (width + 2) + width, "multiply: too little room")
  withUnsafeMutableBytes(of: &room) { bytes in
    let factors = bytes.assumingMemoryBound(to: Float.self).baseAddress!
    let sums = UnsafeMutableRawPointer(factors + rowsOfBlock).assumingMemoryBound(to: Int32.self)
    let biases = factors + 2 * rowsOfBlock
    let tile = biases + width
    for first in stride(from: 0, to: x.rows, by: rowsOfBlock) {
      let rows = min(rowsOfBlock, x.rows - first)
      for row in 0..<rows {
        factors[row] = weights.scale / x.scales[(first + row) * x.step]
        sums[row] = x.sums[(first + row) * x.step]
      }
      for column in stride(from: 0, to: weights.columns, by: width) {
        let columns = min(width, weights.columns - column)
        if let bias { biases.update(from: bias.base + column, count: columns) }
        let target = y.base + first * y.stride + column
        var product = ckernels_product(
          x: x.base + first * x.stride, x_stride: x.stride, x_sums: sums, rows: rows,
          groups: weights.groups, panel: weights.panel(column), factors: factors, bias: biases,
          y: columns == width ? target : tile, y_stride: columns == width ? y.stride : width)
        kernel.multiply(&product)
        if columns < width {
          for row in 0..<rows { (target + row * y.stride).update(from: tile + row * width, count: columns) }
        }
      }
    }
  }
}
