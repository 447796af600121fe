import TensorCore
import Testing

/// Packed weights and int8 activations against whole numbers, one at a time.
struct PackedMatrixTests {
  private static let sizes = [(1, 1), (3, 4), (2, 5), (7, 8), (5, 9), (4, 127), (3, 130), (17, 257)]

  /// A matrix of levels, and how to get them back from it.
  private struct Levels {
    let values: [[Int]]
    let island: Island
    let levels: WeightLevels

    init(_ values: [[Int]], _ format: WeightFormat, scale: Float = 0.37) {
      self.values = values
      let columns = values.first?.count ?? 0
      island = Island(rows: values.count, columns: columns)
      levels = WeightLevels(format: format, scale: scale, divisor: 1)
      for (row, line) in values.enumerated() {
        for (column, value) in line.enumerated() { island.matrix[row, column] = Float(value) }
      }
    }

    init(_ rows: Int, _ columns: Int, _ format: WeightFormat, seed: Int) {
      var numbers = TestNumbers(seed: seed)
      self.init(
        (0..<rows).map { _ in
          numbers.values(columns, in: -1.5...1.5).map {
            format == .ternary ? Int($0.rounded()) : $0 < 0 ? -1 : 1
          }
        }, format)
    }

    var packed: PackedMatrix { PackedMatrix(island.matrix, levels) }

    /// In room that held something else before.
    var panels: (panels: IntegerPanels, room: FloatStorage) {
      let (depth, columns) = (island.matrix.columns, island.matrix.rows)
      let room = FloatStorage(count: IntegerPanels.capacity(depth: depth, columns: columns))
      room.all.fill(.nan)
      let panels = IntegerPanels(packedIn: room.all, depth: depth, columns: columns, scale: levels.scale)
      let first = min(columns, (columns / 16 + 1) / 2 * 16)
      panels.packTransposed(island.matrix.rows(first..<columns), atColumn: first)
      if first > 0 { panels.packTransposed(island.matrix.rows(0..<first)) }
      return (panels, room)
    }
  }

  /// The layout is a promise to whoever reads the files.
  @Test func theFirstWeightHasTheLowestBits() {
    let ternary = Levels([[-1, 0, 1, 1, -1], [1, 1, 1, 1, 0]], .ternary).packed
    #expect(ternary.bytes == [0b1010_0100, 0b00, 0b1010_1010, 0b01])
    let binary = Levels([[1, -1, -1, 1, 1, -1, -1, -1, 1], [-1, 1, 1, 1, 1, 1, 1, 1, -1]], .binary).packed
    #expect(binary.bytes == [0b0001_1001, 0b1, 0b1111_1110, 0b0])
    #expect(ternary.format == .ternary && binary.format == .binary && binary.scale == 0.37)
  }

  @Test(arguments: WeightFormat.allCases, sizes)
  func whatIsPackedComesBack(format: WeightFormat, size: (rows: Int, columns: Int)) throws {
    let levels = Levels(size.rows, size.columns, format, seed: size.columns)
    let packed = levels.packed
    #expect(packed.format == format)
    #expect(packed.bytes.count == size.rows * ((size.columns * format.bits + 7) / 8))
    let read = try PackedMatrix(
      format, rows: size.rows, columns: size.columns, scale: packed.scale, bytes: packed.bytes)
    #expect(read == packed)
    let weights = Island(rows: size.rows, columns: size.columns, surroundings: 7)
    read.weights(into: weights.matrix)
    #expect(weights.matrix.array == levels.values.flatMap { $0.map { 0.37 * Float($0) } } && weights.isIntact)
  }

  /// `sign(0) = 0`: such a matrix takes two bits a weight, and loses nothing.
  @Test func aBinaryMatrixWithAZeroIsStoredAsATernaryOne() {
    var values = Levels(3, 10, .binary, seed: 1).values
    values[2][9] = 0
    let levels = Levels(values, .binary)
    let (packed, weights) = (levels.packed, Island(rows: 3, columns: 10))
    #expect(packed.format == .ternary && packed.bytes.count == 9)
    packed.weights(into: weights.matrix)
    #expect(weights.matrix.array == values.flatMap { $0.map { 0.37 * Float($0) } })
  }

  @Test func damageIsSaid() throws {
    func read(_ format: WeightFormat, _ bytes: [UInt8], columns: Int = 5, scale: Float = 1) throws {
      _ = try PackedMatrix(format, rows: 2, columns: columns, scale: scale, bytes: bytes)
    }
    // Bits behind the last weight of a row mean nothing.
    try read(.ternary, [0, 0b1111_1100, 0, 0])
    try read(.binary, [0xFF, 0xFF])
    #expect(throws: PackedMatrix.Damage.code(row: 1, column: 4)) { try read(.ternary, [0, 0, 0, 0b11]) }
    #expect(throws: PackedMatrix.Damage.code(row: 0, column: 2)) { try read(.ternary, [0b11_0000, 0, 0, 0]) }
    #expect(throws: PackedMatrix.Damage.byteCount(found: 3, expected: 4)) { try read(.ternary, [0, 0, 0]) }
    #expect(throws: PackedMatrix.Damage.byteCount(found: 1, expected: 2)) { try read(.binary, [0]) }
    #expect(throws: PackedMatrix.Damage.scale(.infinity)) {
      try read(.binary, [0, 0], scale: .infinity)
    }
    // Sizes that no machine holds are no sizes of these bytes.
    #expect(throws: PackedMatrix.Damage.self) { try read(.ternary, [0], columns: .max / 2) }
  }

  /// Odd sizes, one row, and activations at both ends: `-128` has no counterpart above.
  @Test(
    arguments: WeightFormat.allCases,
    [
      (1, 1, 1), (1, 5, 3), (2, 8, 4), (3, 9, 7), (5, 127, 6), (1, 130, 9), (8, 1030, 5), (9, 511, 40),
      (13, 257, 33), (2, 4096, 3),
      (32, 64, 32), (33, 65, 47), (70, 200, 50), (97, 260, 16),
    ])
  func productsEqualWholeNumbers(format: WeightFormat, shape: (rows: Int, depth: Int, outputs: Int)) {
    for filling in [nil, 127, -128, -1] as [Int?] {
      let x = Activations(shape.rows, shape.depth, filling: filling, seed: shape.depth)
      for weights in [
        Levels(shape.outputs, shape.depth, format, seed: 7 + shape.depth),
        Levels(Array(repeating: Array(repeating: 1, count: shape.depth), count: shape.outputs), format),
        Levels(Array(repeating: Array(repeating: -1, count: shape.depth), count: shape.outputs), format),
      ] {
        let y = Island(rows: shape.rows, columns: shape.outputs, surroundings: 7)
        var numbers = TestNumbers(seed: 5)
        let bias = Island(rows: 1, columns: shape.outputs)
        bias.matrix.fill(from: &numbers)
        let expected = (0..<shape.rows).flatMap { row in
          (0..<shape.outputs).map { output in
            let sum = zip(x.values[row], weights.values[output]).reduce(0) { $0 + $1.0 * $1.1 }
            return bias.matrix[0, output].addingProduct(Float(sum), weights.levels.scale / x.scales[row])
          }
        }
        let (panels, packed) = (weights.panels, weights.packed)
        let scratch = FloatStorage(
          count: PackedMatrix.scratchCount(outputs: shape.outputs, inputs: shape.depth))
        var withoutBias: Set<[Float]> = []
        for kernel in IntegerKernel.available {
          let what: Comment = "\(kernel), \(shape), \(String(describing: filling))"
          let all = bias.matrix.row(0)
          y.matrix.fill(.nan)
          multiply(x.levels, panels.panels, into: y.matrix, bias: all, kernel: kernel)
          #expect(y.matrix.array == expected && y.isIntact, what)
          y.matrix.fill(.nan)
          scratch.all.fill(.nan)
          multiply(x.levels, packed, into: y.matrix, bias: all, scratch: scratch.all, kernel: kernel)
          #expect(y.matrix.array == expected && y.isIntact, what)
          // In parts, as threads share them.
          y.matrix.fill(.nan)
          for part in [0..<shape.outputs / 2, shape.outputs / 2..<shape.outputs] {
            multiply(
              x.levels, packed, outputs: part, into: y.matrix, bias: all, scratch: scratch.all, kernel: kernel
            )
          }
          #expect(y.matrix.array == expected && y.isIntact, what)
          multiply(x.levels, panels.panels, into: y.matrix, kernel: kernel)
          withoutBias.insert(y.matrix.array)
          multiply(x.levels, packed, into: y.matrix, scratch: scratch.all, kernel: kernel)
          withoutBias.insert(y.matrix.array)
        }
        #expect(withoutBias.count == 1 && y.isIntact)
        withExtendedLifetime(panels) {}
      }
    }
  }

  /// Activations in float32: the same bits as with the levels in panels, of which the products know nothing else.
  @Test(
    arguments: WeightFormat.allCases, [(1, 1, 1), (3, 9, 7), (5, 127, 33), (13, 257, 65), (40, 130, 130)])
  func floatProductsEqualThoseWithPanels(format: WeightFormat, shape: (rows: Int, depth: Int, outputs: Int)) {
    let weights = Levels(shape.outputs, shape.depth, format, seed: 3)
    var numbers = TestNumbers(seed: 4)
    let (x, bias) = (Island(rows: shape.rows, columns: shape.depth), Island(rows: 1, columns: shape.outputs))
    x.matrix.fill(from: &numbers)
    bias.matrix.fill(from: &numbers)
    let room = FloatStorage(count: Panels.capacity(depth: shape.depth, columns: shape.outputs))
    let panels = Panels(packedIn: room.all, depth: shape.depth, columns: shape.outputs, scale: 0.37)
    panels.packTransposed(weights.island.matrix)
    let scratch = FloatStorage(
      count: PackedMatrix.scratchCount(outputs: shape.outputs, inputs: shape.depth))
    let (expected, y) = (
      Island(rows: shape.rows, columns: shape.outputs), Island(rows: shape.rows, columns: shape.outputs)
    )
    for start in [ProductStart.zero, .bias(bias.matrix.row(0)), .accumulate] {
      multiply(x.matrix, panels, into: expected.matrix, from: start)
      multiply(x.matrix, weights.packed, into: y.matrix, from: start, scratch: scratch.all)
      #expect(y.matrix.array == expected.matrix.array && y.isIntact)
    }
    withExtendedLifetime(room) {}
  }

  /// What is not finite makes everything that is computed of its row a NaN, and nothing of another's.
  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func whatIsNotFiniteStaysInItsRow(value: Float) {
    let x = Island(rows: 3, columns: 19)
    x.matrix.fill(1)
    x.matrix[1, 3] = value
    let room = Int8Room(rows: 3, columns: 19)
    let norms = Island(rows: 1, columns: 3)
    RMSNormKernel.forward(x.matrix, epsilon: 1e-6, into: room.levels, scales: norms.matrix.row(0))
    let y = Island(rows: 3, columns: 4)
    let scratch = FloatStorage(count: PackedMatrix.scratchCount(outputs: 4, inputs: 19))
    multiply(
      room.levels, Levels(4, 19, .ternary, seed: 2).packed, into: y.matrix, scratch: scratch.all)
    #expect((0..<3).map { y.matrix.row($0).array.count { $0.isNaN } } == [0, 4, 0])
  }
}

/// Memory for int8 activations, with something behind each row that must stay.
struct Int8Room {
  let island: Island
  let scales: Island
  let sums: Island
  let levels: Int8Matrix

  init(rows: Int, columns: Int) {
    island = Island(rows: rows, columns: Int8Matrix.room(columns: columns), surroundings: 7)
    scales = Island(rows: 1, columns: rows, surroundings: 7)
    sums = Island(rows: 1, columns: rows, surroundings: 7)
    levels = Int8Matrix(
      room: island.matrix, columns: columns, scales: scales.matrix.row(0), sums: sums.matrix.row(0))
  }

  var isIntact: Bool { island.isIntact && scales.isIntact && sums.isIntact }
}

/// Activations with levels that are known.
private struct Activations {
  let values: [[Int]]
  let scales: [Float]
  let levels: Int8Matrix
  private let room: Int8Room

  init(_ rows: Int, _ columns: Int, filling: Int?, seed: Int) {
    var numbers = TestNumbers(seed: seed)
    values = (0..<rows).map { _ in
      numbers.values(columns, in: -128...127).map { filling ?? Int($0.rounded()) }
    }
    room = Int8Room(rows: rows, columns: columns)
    levels = room.levels
    scales = numbers.values(rows, in: 1...90)
    for row in 0..<rows {
      let target = UnsafeMutableBufferPointer(mutating: levels.row(row))
      for column in 0..<columns { target[column] = Int8(values[row][column]) }
      levels.set(scale: scales[row], sum: values[row].reduce(0, +), ofRow: row)
    }
  }
}
