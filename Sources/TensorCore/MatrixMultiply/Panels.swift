import CSIMD

/// The right operand B `[depth, columns]` of a matrix product, as panels of 16 columns.
///
/// Panel `j` holds columns `16 j ..< 16 j + 16`; its rows of 16 values lie `depthStride` apart. Packed panels are
/// contiguous, and the last one is padded with zeros; a matrix whose columns divide by 16 can also serve in place.
package struct Panels: @unchecked Sendable {
  // Sendable invariant: as for `Matrix`.
  let base: UnsafeMutablePointer<Float>
  package let depth: Int
  package let columns: Int
  let panelStride: Int
  let depthStride: Int

  /// Values that packing a `[depth, columns]` operand takes.
  package static func capacity(depth: Int, columns: Int) -> Int {
    (columns + MicroKernel.columns - 1) / MicroKernel.columns * MicroKernel.columns * depth
  }

  /// Whether `matrix` can serve as panels where it lies.
  package static func canUseInPlace(_ matrix: Matrix) -> Bool { matrix.columns % MicroKernel.columns == 0 }

  /// Room for packed panels, their contents to be packed.
  package init(packedIn room: Vector, depth: Int, columns: Int) {
    precondition(
      room.count >= Self.capacity(depth: depth, columns: columns),
      "Panels: \(room.count) values of room for \(depth)x\(columns)")
    base = room.base
    self.depth = depth
    self.columns = columns
    panelStride = depth * MicroKernel.columns
    depthStride = MicroKernel.columns
  }

  /// B read where it lies; its columns must divide by 16.
  package init(inPlace matrix: Matrix) {
    precondition(
      Self.canUseInPlace(matrix), "Panels: \(matrix.columns) columns in place do not divide by 16")
    base = matrix.base
    depth = matrix.rows
    columns = matrix.columns
    panelStride = MicroKernel.columns
    depthStride = matrix.stride
  }

  /// B read in place where that is possible, else packed into `room`.
  package init(_ matrix: Matrix, room: Vector) {
    if Self.canUseInPlace(matrix) {
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
        && depthStride == MicroKernel.columns,
      "Panels.pack: \(matrix.rows)x\(matrix.columns) at depth \(depthOffset) into \(depth)x\(columns)")
    let width = MicroKernel.columns
    var column = 0
    while column < columns {
      var to = base + column / width * panelStride + depthOffset * width
      var from = matrix.base + column
      let valid = min(width, columns - column)
      for _ in 0..<matrix.rows {
        if valid == width {
          store(load(from), to)
          store(load(from + 8), to + 8)
        } else {
          for lane in 0..<width { to[lane] = lane < valid ? from[lane] : 0 }
        }
        from += matrix.stride
        to += width
      }
      column += width
    }
  }

  /// Packs B = `matrix` transposed, of which columns `columnOffset...` (a multiple of 16) are given.
  package func packTransposed(_ matrix: Matrix, atColumn columnOffset: Int = 0) {
    precondition(
      matrix.columns == depth && columnOffset % MicroKernel.columns == 0
        && columnOffset + matrix.rows <= columns && depthStride == MicroKernel.columns,
      "Panels.packTransposed: (\(matrix.rows)x\(matrix.columns))^T at column \(columnOffset) into \(depth)x\(columns)"
    )
    let width = MicroKernel.columns
    var row = 0
    while row < matrix.rows {
      let to = base + (columnOffset + row) / width * panelStride + (columnOffset + row) % width
      let from = matrix.base + row * matrix.stride
      let valid = min(laneCount, matrix.rows - row)
      let blocks = valid == laneCount ? depth / laneCount * laneCount : 0
      var k = 0
      while k < blocks {
        csimd_transpose8x8(from + k, matrix.stride, to + k * width, width)
        k += laneCount
      }
      while k < depth {
        for lane in 0..<laneCount { to[k * width + lane] = lane < valid ? from[lane * matrix.stride + k] : 0 }
        k += 1
      }
      row += laneCount
    }
    // The second half of the last panel, where the rows end in its first half.
    if matrix.rows > 0, (matrix.rows + laneCount - 1) / laneCount % 2 == 1 {
      let to = base + (columnOffset + matrix.rows - 1) / width * panelStride + laneCount
      for k in 0..<depth { store(Lanes.zero, to + k * width) }
    }
  }
}
