import TensorCore

/// A matrix inside a larger one, all of whose other values are `surroundings`: NaN shows a read outside the matrix, and
/// `isIntact` a write.
struct Island {
  let storage: FloatStorage
  let matrix: Matrix
  private let surroundings: Float
  private let margin: Int

  /// - Parameter margin: columns to the left and right; 0 makes the matrix dense. Odd numbers make its rows unaligned.
  init(rows: Int, columns: Int, margin: Int = 5, surroundings: Float = .nan) {
    let stride = columns + 2 * margin
    storage = FloatStorage(count: (rows + 2) * stride + 32)
    storage.all.fill(surroundings)
    let all = storage.matrix(at: 16, rows: rows + 2, columns: stride)
    matrix = all.rows(1..<rows + 1).columns(margin..<margin + columns)
    matrix.fill(0)
    self.surroundings = surroundings
    self.margin = margin
  }

  /// Whether every value outside the matrix still has the bits it was given.
  var isIntact: Bool {
    let stride = matrix.columns + 2 * margin
    for index in 0..<storage.count {
      let position = index - 16 - stride
      let isInside =
        position >= 0 && position < matrix.rows * stride
        && (margin..<margin + matrix.columns).contains(position % stride)
      if !isInside && storage.all[index].bitPattern != surroundings.bitPattern { return false }
    }
    return true
  }
}

extension Matrix {
  /// The values in Double, row by row.
  var doubles: [Double] { array.map(Double.init) }
}

extension Vector {
  var doubles: [Double] { array.map(Double.init) }
}
