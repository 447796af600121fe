import CKernels
import CSIMD
import Foundation

/// The kernels for products of int8 activations with quantized weights, by the instructions that they need. All give the
/// same bits.
package enum IntegerKernel: String, Sendable, CaseIterable {
  case portable, avx2, avx512vnni, amx, neon

  /// Whether this CPU has the instructions, and the system lets the process use them.
  package var isAvailable: Bool {
    switch self {
    case .portable: true
    case .avx2: ckernels_has_avx2() != 0
    case .avx512vnni: ckernels_has_avx512vnni() != 0
    case .amx: ckernels_has_amx() != 0
    case .neon: ckernels_has_neon() != 0
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
  func multiplyPacked(_ product: inout ckernels_packed_product) {
    switch self {
    case .portable, .neon: ckernels_multiply_packed_portable(&product)
    #if arch(x86_64)
      case .avx2: ckernels_multiply_packed_avx2(&product)
      case .avx512vnni, .amx: ckernels_multiply_packed_avx512vnni(&product)
    #else
      default: preconditionFailure("\(rawValue) on another CPU")
    #endif
    }
  }

  @inline(__always)
  func round(_ rounding: inout ckernels_rounding) {
    switch self {
    case .portable, .neon: ckernels_round_portable(&rounding)
    #if arch(x86_64)
      case .avx2: ckernels_round_avx2(&rounding)
      case .avx512vnni, .amx: ckernels_round_avx512vnni(&rounding)
    #else
      default: preconditionFailure("\(rawValue) on another CPU")
    #endif
    }
  }

  /// Runs a loop of nothing but the kernel's own instructions; returns the operations that it did. nil for kernels without
  /// such instructions.
  package func runPeakLoop() -> Double? {
    #if arch(x86_64)
      switch self {
      case .avx2: ckernels_peak_avx2()
      case .avx512vnni: ckernels_peak_avx512vnni()
      case .amx: ckernels_peak_amx()
      case .portable, .neon: nil
      }
    #else
      nil
    #endif
  }

  @inline(__always)
  fileprivate func multiply(_ product: inout ckernels_product) {
    switch self {
    case .portable: ckernels_multiply_portable(&product)
    #if arch(x86_64)
      case .avx2: ckernels_multiply_avx2(&product)
      case .avx512vnni: ckernels_multiply_avx512vnni(&product)
      case .amx: ckernels_multiply_amx(&product)
    #elseif arch(arm64)
      case .neon: ckernels_multiply_neon(&product)
    #endif
    default: preconditionFailure("\(rawValue) on another CPU")
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
    let values = Size.product(Size.roundedUp(columns, to: width), Size.roundedUp(depth, to: steps))
    return Size.sum(values, width * steps * Int(CKERNELS_GROUPS_READ)) / 4
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

  /// Unpacks the rows of stored weights as columns: `format.bytes(columns: depth)` bytes each.
  func unpack(_ weights: UnsafePointer<UInt8>, _ format: WeightFormat) {
    let stride = format.bytes(columns: depth)
    for column in Swift.stride(from: 0, to: columns, by: Self.width) {
      ckernels_unpack(
        weights + column * stride, stride, min(Self.width, columns - column), depth, Int32(format.bits),
        panel(column))
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

/// Rows that are multiplied by one panel after the other: whole tiles of every kernel.
private let rowsOfBlock = 96

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
  let whole = weights.columns / width * width
  // On the stack: the factors and sums of a block's rows, and the columns and biases of a panel that y has not all of.
  var room = InlineArray<1744, Float>(repeating: 0)
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
      let target = y.base + first * y.stride
      var product = ckernels_product(
        x: x.base + first * x.stride, x_stride: x.stride, x_sums: sums, rows: rows,
        groups: weights.groups, weights: weights.panel(0), panels: whole / width, factors: factors,
        bias: bias?.base, y: target, y_stride: y.stride)
      if whole > 0 { kernel.multiply(&product) }
      let columns = weights.columns - whole
      guard columns > 0 else { continue }
      if let bias {
        biases.update(from: bias.base + whole, count: columns)
        product.bias = UnsafePointer(biases)
      }
      (product.weights, product.panels) = (UnsafePointer(weights.panel(whole)), 1)
      (product.y, product.y_stride) = (tile, width)
      kernel.multiply(&product)
      for row in 0..<rows {
        (target + whole + row * y.stride).update(from: tile + row * width, count: columns)
      }
    }
  }
}
