extension Matrix {
  /// `self = max(self, 0)`; NaN stays NaN. Dense.
  package func relu() {
    let x = flat
    forEachVector(x.count) { offset, lanes in
      let value = loadLanes(x.base + offset, lanes)
      storeLanes(value.replacing(with: 0, where: value .< 0), x.base + offset, lanes)
    }
  }

  /// The gradient of `relu` in place: zero wherever `output`, the activation's result, is not positive. Dense.
  package func reluBackward(output: Matrix) {
    let (dy, y) = (flat, output.flat)
    precondition(dy.count == y.count, "ReLU: \(rows)x\(columns) for \(output.rows)x\(output.columns)")
    forEachVector(dy.count) { offset, lanes in
      let gradient = loadLanes(dy.base + offset, lanes)
      let value = loadLanes(y.base + offset, lanes)
      storeLanes(gradient.replacing(with: 0, where: value .<= 0), dy.base + offset, lanes)
    }
  }
}
