import CKernels

// Products with weights as they are stored, two bits or one each.

extension PackedMatrix {
  /// Rows of activations up to which products read the stored bytes themselves. For more, weights are unpacked a block at a
  /// time into panels, where each serves them all.
  package static let fewRows = 8

  /// Bytes of int8 panels that are unpacked at a time: they stay in the second-level cache while all rows pass by.
  private static let blockBytes = 64 << 10

  /// Values of scratch that products with so many outputs and inputs need.
  package static func scratchCount(outputs: Int, inputs: Int) -> Int {
    let block = min(outputs, blockColumns(depth: inputs))
    let interleaved = Size.product(fewRows, interleavedBytes(depth: inputs)) / 4
    return max(
      interleaved, IntegerPanels.capacity(depth: inputs, columns: block), floatScratchCount(depth: inputs))
  }

  private static func floatScratchCount(depth: Int) -> Int {
    let columns = MicroKernel.columns
    return Size.sum(Size.product(columns, depth), Panels.capacity(depth: depth, columns: columns))
  }

  /// Of a row of activations as the kernels for few rows read it.
  private static func interleavedBytes(depth: Int) -> Int {
    // A chunk of the binary format, which is the longer one.
    Size.roundedUp(depth, to: Int(ckernels_chunk_depth(1)))
  }

  /// Columns unpacked at a time: two panels at least, as the kernels take them.
  private static func blockColumns(depth: Int) -> Int {
    let panels = max(2, blockBytes / max(1, Size.product(16, Size.roundedUp(depth, to: 4))))
    return 16 * panels
  }

  fileprivate func multiplyFew(
    _ x: Int8Matrix, outputs: Range<Int>, into y: Matrix, bias: Vector?, scratch: Vector,
    kernel: IntegerKernel
  ) {
    let levels = UnsafeMutableRawPointer(scratch.base).assumingMemoryBound(to: Int8.self)
    var factors = InlineArray<8, Float>(repeating: 0)
    var sums = InlineArray<8, Int32>(repeating: 0)
    for row in 0..<x.rows {
      ckernels_interleave(
        x.base + row * x.stride, columns, Int32(format.bits), row, x.rows, levels)
      factors[row] = scale / x.scale(ofRow: row)
      sums[row] = Int32(truncatingIfNeeded: x.sum(ofRow: row))
    }
    withBytes(ofRow: outputs.lowerBound) { weights in
      factors.span.withUnsafeBufferPointer { factors in
        sums.span.withUnsafeBufferPointer { sums in
          var product = ckernels_packed_product(
            weights: weights, weights_stride: format.bytes(columns: columns), outputs: outputs.count,
            depth: columns,
            bits: Int32(format.bits), x: levels, x_sums: sums.baseAddress, rows: x.rows,
            factors: factors.baseAddress, bias: bias.map { UnsafePointer($0.base + outputs.lowerBound) },
            y: y.base + outputs.lowerBound,
            y_stride: y.stride)
          kernel.multiplyPacked(&product)
        }
      }
    }
  }

  fileprivate func multiplyMany(
    _ x: Int8Matrix, outputs all: Range<Int>, into y: Matrix, bias: Vector?, scratch: Vector,
    kernel: IntegerKernel
  ) {
    let block = Self.blockColumns(depth: columns)
    for first in stride(from: all.lowerBound, to: all.upperBound, by: block) {
      let outputs = first..<min(all.upperBound, first + block)
      let panels = IntegerPanels(packedIn: scratch, depth: columns, columns: outputs.count, scale: scale)
      withBytes(ofRow: first) { panels.unpack($0, format) }
      multiply(x, panels, into: y.columns(outputs), bias: bias.map { $0[outputs] }, kernel: kernel)
    }
  }
}

/// `y = s / sx (x q) + b` of int8 activations and packed weights: `x [rows, depth]`, `q [outputs, depth]`, `y [rows, outputs]`.
///
/// Sums are whole numbers and exact, so that no kernel, thread or CPU gives other bits; what follows is a division for each
/// row and one rounding.
///
/// - Parameters:
///   - outputs: those that are computed, for threads that share a product; nil for all.
///   - bias: nil for none.
///   - scratch: `PackedMatrix.scratchCount` values at least.
package func multiply(
  _ x: Int8Matrix, _ weights: PackedMatrix, outputs: Range<Int>? = nil, into y: Matrix, bias: Vector? = nil,
  scratch: Vector, kernel: IntegerKernel = .current
) {
  let outputs = outputs ?? 0..<weights.rows
  precondition(
    x.columns == weights.columns && y.rows == x.rows && y.columns == weights.rows
      && outputs.lowerBound >= 0 && outputs.upperBound <= weights.rows
      && x.columns <= WeightFormat.greatestDepth && bias.map { $0.count == weights.rows } ?? true
      && scratch.count >= PackedMatrix.scratchCount(outputs: weights.rows, inputs: weights.columns),
    "multiply: int8 \(x.rows)x\(x.columns) by packed \(weights.rows)x\(weights.columns) into \(y.rows)x\(y.columns)"
  )
  guard x.rows > 0, !outputs.isEmpty else { return }
  if x.rows <= PackedMatrix.fewRows {
    weights.multiplyFew(x, outputs: outputs, into: y, bias: bias, scratch: scratch, kernel: kernel)
  } else {
    weights.multiplyMany(x, outputs: outputs, into: y, bias: bias, scratch: scratch, kernel: kernel)
  }
}

/// The same of activations in float32: levels are unpacked on the way into the tile, and the sums are those of `Panels` that
/// hold them.
package func multiply(
  _ x: Matrix, _ weights: PackedMatrix, into y: Matrix, from start: ProductStart = .zero, scratch: Vector
) {
  precondition(
    x.columns == weights.columns && y.rows == x.rows && y.columns == weights.rows
      && scratch.count >= PackedMatrix.scratchCount(outputs: weights.rows, inputs: weights.columns),
    "multiply: \(x.rows)x\(x.columns) by packed \(weights.rows)x\(weights.columns) into \(y.rows)x\(y.columns)"
  )
  let (depth, block) = (weights.columns, MicroKernel.columns)
  for first in stride(from: 0, to: weights.rows, by: block) {
    let outputs = first..<min(weights.rows, first + block)
    let levels = scratch[0..<outputs.count * depth].matrix(rows: outputs.count, columns: depth)
    weights.levels(outputs, into: levels)
    let panels = Panels(
      packedIn: scratch[block * depth..<scratch.count], depth: depth, columns: outputs.count,
      scale: weights.scale)
    panels.packTransposed(levels)
    let part: ProductStart = if case .bias(let bias) = start { .bias(bias[outputs]) } else { start }
    multiply(x, panels, into: y.columns(outputs), from: part)
  }
}
