import CSIMD

/// The right operand B `[depth, columns]` of a matrix product, as panels as wide as the micro-kernel's tile.
///
/// The rows of a panel lie `depthStride` apart. Packed panels are contiguous, and the last one is padded with zeros; a
/// matrix whose columns divide by 16, the columns of a vector, can also serve in place.
package struct Panels: @unchecked Sendable {
  // Sendable invariant: as for `Matrix`.
  let base: UnsafeMutablePointer<Float>
  package let depth: Int
  package let columns: Int
  let panelStride: Int
  let depthStride: Int

  /// What products with it are multiplied by, once they are summed.
  package private(set) var scale: Float = 1

  /// Whether each panel is one stretch of memory.
  let isPacked: Bool

  /// Values that packing a `[depth, columns]` operand takes.
  package static func capacity(depth: Int, columns: Int) -> Int {
    Size.product(Size.roundedUp(columns, to: MicroKernel.columns), depth)
  }

  /// So many columns rounded up to whole vectors: products of so many need no tiles that end within one.
  package static func wholeVectors(_ columns: Int) -> Int {
    Size.roundedUp(columns, to: MicroKernel.vectorColumns)
  }

  /// Whether a matrix of so many columns can serve as panels where it lies.
  package static func canUseInPlace(columns: Int) -> Bool { columns % MicroKernel.vectorColumns == 0 }

  /// Room for packed panels, their contents to be packed.
  package init(packedIn room: Vector, depth: Int, columns: Int, scale: Float = 1) {
    precondition(
      room.count >= Self.capacity(depth: depth, columns: columns),
      "Panels: \(room.count) values of room for \(depth)x\(columns)")
    base = room.base
    self.depth = depth
    self.columns = columns
    panelStride = depth * MicroKernel.columns
    depthStride = MicroKernel.columns
    isPacked = true
    self.scale = scale
  }

  /// B read where it lies; its columns must divide by 16.
  package init(inPlace matrix: Matrix) {
    precondition(
      Self.canUseInPlace(columns: matrix.columns),
      "Panels: \(matrix.columns) columns in place do not divide by 16")
    base = matrix.base
    depth = matrix.rows
    columns = matrix.columns
    panelStride = MicroKernel.columns
    depthStride = matrix.stride
    isPacked = false
  }

  /// B read in place where that is possible, else packed into `room`.
  package init(_ matrix: Matrix, room: Vector) {
    if Self.canUseInPlace(columns: matrix.columns) {
      self.init(inPlace: matrix)
    } else {
      self.init(packedIn: room, depth: matrix.rows, columns: matrix.columns)
      pack(matrix)
    }
  }

  /// Packs B = `matrix`, of which rows `depthOffset...` are given.
  package func pack(_ matrix: Matrix, atDepth depthOffset: Int = 0) {
    precondition(
      matrix.columns == columns && depthOffset >= 0 && depthOffset + matrix.rows <= depth
        && isPacked,
      "Panels.pack: \(matrix.rows)x\(matrix.columns) at depth \(depthOffset) into \(depth)x\(columns)")
    // Some rows at a time: down a whole column of panels each row would be another page.
    for first in stride(from: 0, to: matrix.rows, by: Self.packedRows) {
      let rows = first..<min(matrix.rows, first + Self.packedRows)
      for column in stride(from: 0, to: columns, by: MicroKernel.columns) {
        pack(matrix.rows(rows), column: column, atDepth: depthOffset + first)
      }
    }
  }

  /// Rows packed together.
  private static let packedRows = 16

  /// Packs the part of one panel that begins at `column`.
  private func pack(_ matrix: Matrix, column: Int, atDepth depthOffset: Int) {
    let width = MicroKernel.columns
    var to = base + column / width * panelStride + depthOffset * width
    var from = matrix.base + column
    let valid = min(width, columns - column)
    for _ in 0..<matrix.rows {
      if valid == width {
        // Rows farther down, of which the CPU sees no stream: it goes on by one only after all columns.
        csimd_prefetch(from + Self.packedRows * matrix.stride)
        csimd_prefetch(from + (Self.packedRows * matrix.stride + 16))
        for lane in stride(from: 0, to: width, by: laneCount) { store(load(from + lane), to + lane) }
      } else {
        for lane in 0..<width { to[lane] = lane < valid ? from[lane] : 0 }
      }
      from += matrix.stride
      to += width
    }
  }

  /// Packs B = `matrix` transposed, of which columns `columnOffset...` (a multiple of a panel's) are given.
  package func packTransposed(_ matrix: Matrix, atColumn columnOffset: Int = 0) {
    precondition(
      matrix.columns == depth && columnOffset >= 0 && columnOffset % MicroKernel.columns == 0
        && columnOffset + matrix.rows <= columns && isPacked,
      "Panels.packTransposed: (\(matrix.rows)x\(matrix.columns))^T at column \(columnOffset) into \(depth)x\(columns)"
    )
    let width = MicroKernel.columns
    for first in stride(from: 0, to: matrix.rows, by: width) {
      let rows = matrix.rows(first..<min(matrix.rows, first + width))
      packTransposedPanel(rows, to: base + (columnOffset + first) / width * panelStride)
    }
  }

  /// Packs the rows of `matrix` as the columns of one panel, and zeros behind them.
  ///
  /// Eight steps of the depth at a time, over all columns: the lines written are then whole when they leave the cache.
  private func packTransposedPanel(_ matrix: Matrix, to panel: UnsafeMutablePointer<Float>) {
    let width = MicroKernel.columns
    let wholeColumns = matrix.rows / laneCount * laneCount
    let filled = (matrix.rows + laneCount - 1) / laneCount * laneCount
    var k = 0
    while k + laneCount <= depth {
      var to = panel + k * width
      var from = matrix.base + k
      for _ in stride(from: 0, to: wholeColumns, by: laneCount) {
        csimd_transpose8x8(from, matrix.stride, to, width)
        from += laneCount * matrix.stride
        to += laneCount
      }
      if wholeColumns < filled {
        csimd_transpose_rows8x8(from, matrix.stride, matrix.rows - wholeColumns, to, width)
      }
      k += laneCount
    }
    while k < depth {
      for column in 0..<filled {
        panel[k * width + column] = column < matrix.rows ? matrix.base[column * matrix.stride + k] : 0
      }
      k += 1
    }
    for column in stride(from: filled, to: width, by: laneCount) {
      for k in 0..<depth { store(Lanes.zero, panel + k * width + column) }
    }
  }
}
