import TensorCore

/// `[rows, depth]` by `[depth, columns]`.
struct ProductShape: CustomStringConvertible {
  var rows: Int
  var depth: Int
  var columns: Int

  var description: String { "\(rows)x\(depth)x\(columns)" }

  /// All combinations of a few sizes around the 6x16 and 12x32 tiles, each awkward size in each place, and shapes that
  /// cross the blocks of 96 rows and more, and of 1024 or (a weight gradient's) 256 depths, alone and at once.
  static let all: [ProductShape] = {
    let few = [0, 1, 5, 7, 16, 17]
    var shapes = few.flatMap { rows in
      few.flatMap { depth in few.map { ProductShape(rows: rows, depth: depth, columns: $0) } }
    }
    for size in awkwardSizes {
      shapes.append(ProductShape(rows: size, depth: 19, columns: 35))
      shapes.append(ProductShape(rows: 13, depth: size, columns: 21))
      shapes.append(ProductShape(rows: 11, depth: 23, columns: size))
      shapes.append(ProductShape(rows: size, depth: 9, columns: 32))
      shapes.append(ProductShape(rows: 14, depth: size, columns: 16))
    }
    // Every height of a tile, with one and two vectors, whole and cut.
    for rows in 1...25 {
      for columns in [15, 16, 17, 31, 32, 33, 48, 50] {
        shapes.append(ProductShape(rows: rows, depth: 10, columns: columns))
      }
    }
    return shapes + [
      ProductShape(rows: 251, depth: 300, columns: 33), ProductShape(rows: 481, depth: 257, columns: 16),
      ProductShape(rows: 12, depth: 256, columns: 48), ProductShape(rows: 108, depth: 258, columns: 64),
      ProductShape(rows: 6, depth: 513, columns: 80), ProductShape(rows: 13, depth: 1025, columns: 80),
      ProductShape(rows: 150, depth: 2049, columns: 33), ProductShape(rows: 49, depth: 2100, columns: 96),
    ]
  }()
}

/// How A reaches the product.
enum LeftOperand: CaseIterable {
  case inPlace, transposed

  func multiply(_ a: Matrix, _ b: Panels, into c: Matrix, from start: ProductStart) {
    switch self {
    case .inPlace: TensorCore.multiply(a, b, into: c, from: start)
    case .transposed:
      let turned = Island(rows: a.columns, columns: a.rows)
      for i in 0..<a.rows { for k in 0..<a.columns { turned.matrix[k, i] = a[i, k] } }
      TensorCore.multiply(transposed: turned.matrix, b, into: c, from: start)
    }
  }
}

/// How B reaches the product.
enum RightOperand: CaseIterable {
  case packed, packedInTwoDepths, packedTransposed, packedTransposedInBands, inPlace, whereItLies

  func fits(_ shape: ProductShape) -> Bool { self != .inPlace || shape.columns % 16 == 0 }

  /// B as panels, and the room that they may lie in.
  func panels(_ b: Matrix) -> (panels: Panels, room: FloatStorage) {
    // NaN in the room shows a value that packing left out.
    let room = FloatStorage(count: Panels.capacity(depth: b.rows, columns: b.columns))
    room.all.fill(.nan)
    let panels = Panels(packedIn: room.all, depth: b.rows, columns: b.columns)
    let transposed = Island(rows: b.columns, columns: b.rows)
    for k in 0..<b.rows { for j in 0..<b.columns { transposed.matrix[j, k] = b[k, j] } }
    switch self {
    case .packed: panels.pack(b)
    case .packedInTwoDepths:
      let half = b.rows / 2
      panels.pack(b.rows(half..<b.rows), atDepth: half)
      panels.pack(b.rows(0..<half))
    case .packedTransposed: panels.packTransposed(transposed.matrix)
    case .packedTransposedInBands:
      for first in stride(from: 0, to: b.columns, by: 32).reversed() {
        panels.packTransposed(transposed.matrix.rows(first..<min(b.columns, first + 32)), atColumn: first)
      }
    case .inPlace: return (Panels(inPlace: b), room)
    case .whereItLies: return (Panels(b, room: room.all), room)
    }
    return (panels, room)
  }
}

/// What C starts from.
enum StartCase: CaseIterable {
  case zero, accumulate, bias

  func productStart(_ bias: Vector) -> ProductStart {
    switch self {
    case .zero: .zero
    case .accumulate: .accumulate
    case .bias: .bias(bias)
    }
  }

  func value(_ row: Int, _ column: Int, c: Matrix, bias: Matrix) -> Float {
    switch self {
    case .zero: 0
    case .accumulate: c[row, column]
    case .bias: bias[0, column]
    }
  }
}
