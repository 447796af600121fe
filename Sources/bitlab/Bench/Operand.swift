import TensorCore

/// A matrix of small random values that owns its memory.
final class Operand: Sendable {
  private let storage: FloatStorage
  let matrix: Matrix

  init(_ rows: Int, _ columns: Int) {
    storage = FloatStorage(count: rows * columns)
    matrix = storage.matrix(rows: rows, columns: columns)
    var random = RandomStream(seed: 0, purpose: "bench")
    random.fillUniform(storage.all, bound: 0.01)
  }

  /// A copy.
  init(_ other: Matrix) {
    storage = FloatStorage(count: other.rows * other.columns)
    matrix = storage.matrix(rows: other.rows, columns: other.columns)
    matrix.copy(from: other)
  }

  /// Panels that own their memory.
  struct Packed {
    let panels: Panels
    fileprivate let room: FloatStorage
  }

  func panels() -> Packed { packed(depth: matrix.rows, columns: matrix.columns) { $0.pack(matrix) } }

  func panelsOfTranspose() -> Packed {
    packed(depth: matrix.columns, columns: matrix.rows) { $0.packTransposed(matrix) }
  }

  private func packed(depth: Int, columns: Int, _ pack: (Panels) -> Void) -> Packed {
    let room = FloatStorage(count: Panels.capacity(depth: depth, columns: columns))
    let panels = Panels(packedIn: room.all, depth: depth, columns: columns)
    pack(panels)
    return Packed(panels: panels, room: room)
  }
}
