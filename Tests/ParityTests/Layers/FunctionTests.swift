import TensorCore
import Testing

/// Functions without parameters, within 1e-5 of each tensor's largest element.
struct FunctionTests {
  @Test(arguments: Fixture.names("layer-rmsnorm-"))
  func rmsNorm(name: String) throws {
    let fixture = try Fixture(name)
    let epsilon = Float(try fixture.number("eps"))
    let results = try fixture.run { room in
      let scales = FloatStorage(count: room.x.rows)
      let levels = RoundedRows(rows: room.x.rows, columns: room.x.columns)
      withExtendedLifetime(scales) {
        RMSNormKernel.forward(room.x, epsilon: epsilon, into: levels.matrix, scales: scales.all)
        RMSNormKernel.backward(room.dy, x: room.x, scales: scales.all, into: room.dx, accumulate: false)
        // The normalized rows are never written, only what they are rounded to.
        for row in 0..<room.x.rows {
          for column in 0..<room.x.columns { room.y[row, column] = room.x[row, column] * scales.all[row] }
        }
      }
    }
    try expectLayer(results, fixture)
  }

  @Test(arguments: Fixture.names("layer-gelu"))
  func gelu(name: String) throws {
    let fixture = try Fixture(name)
    let results = try fixture.run { room in
      room.x.gelu(into: room.y)
      let withoutDerivative = room.y.array
      room.x.geluKeepingDerivative(into: room.y)
      #expect(withoutDerivative == room.y.array)
      room.dx.copy(from: room.dy)
      room.dx.multiplyElements(by: room.x)
    }
    try expectLayer(results, fixture)
  }

  @Test(arguments: Fixture.names("layer-relu"))
  func relu(name: String) throws {
    let fixture = try Fixture(name)
    let results = try fixture.run { room in
      room.y.copy(from: room.x)
      room.y.relu()
      room.dx.copy(from: room.dy)
      room.dx.reluBackward(output: room.y)
    }
    try expectLayer(results, fixture)
  }

  @Test(arguments: Fixture.names("layer-cross-entropy-"))
  func crossEntropy(name: String) throws {
    let fixture = try Fixture(name)
    let labels = try fixture.integers("labels")
    var loss = 0.0
    var results = try fixture.run { room in
      room.dx.copy(from: room.x)
      loss = room.dx.crossEntropy(gradientScale: 1 / Float(labels.count)) { labels[$0] }.loss
    }
    results["y"] = [Float(loss / Double(labels.count))]
    try expectLayer(results, fixture)
  }
}

/// Memory for rows rounded to int8.
private struct RoundedRows {
  let matrix: Int8Matrix
  private let storages: [FloatStorage]

  init(rows: Int, columns: Int) {
    let words = Int8Matrix.room(columns: columns)
    storages = [rows * words, rows, rows].map { FloatStorage(count: $0) }
    matrix = Int8Matrix(
      room: storages[0].matrix(rows: rows, columns: words), columns: columns, scales: storages[1].all,
      sums: storages[2].all)
  }
}

/// Input and upstream gradient of a function, and room for output and gradient; all of one shape.
private struct FunctionRoom {
  let x: Matrix
  let dy: Matrix
  let y: Matrix
  let dx: Matrix
}

extension Fixture {
  /// The output and the gradient of the input that `body` leaves; without `dy` in the fixture there is none.
  fileprivate func run(_ body: (FunctionRoom) -> Void) throws -> [String: [Float]] {
    let shape = try shape("x")
    let count = shape[0] * shape[1]
    let storage = FloatStorage(count: 4 * count)
    func matrix(_ index: Int) -> Matrix {
      storage.matrix(at: index * count, rows: shape[0], columns: shape[1])
    }
    let (x, dy) = (try values("x"), has("dy") ? try values("dy") : nil)
    return withExtendedLifetime(storage) {
      let room = FunctionRoom(x: matrix(0), dy: matrix(1), y: matrix(2), dx: matrix(3))
      room.x.flat.copy(from: x)
      if let dy { room.dy.flat.copy(from: dy) }
      body(room)
      return ["y": room.y.array, "dx": room.dx.array]
    }
  }
}
