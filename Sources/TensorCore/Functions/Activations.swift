/// The exact GELU, `x Phi(x)` with Phi the normal distribution function, and its derivative `Phi(x) + x phi(x)`.
///
/// With `z = |x| / sqrt 2`, `erfc z = e^(-z^2) t P(t)`, `t = 1 / (1 + 0.48 z)`: the form of Abramowitz and Stegun 7.1.26,
/// refitted with a polynomial of degree 8 to a relative error of 3e-8 on 0 <= z <= 10. One exponential serves both
/// Phi and phi. Error: GELU and derivative within 3e-7 of max(1, |x|).
@inline(__always)
private func geluAndDerivative(_ x: Lanes) -> (value: Lanes, derivative: Lanes) {
  let t = 1 / multiplyAdd(absolute(x), Lanes(repeating: 0.48 * 0.707_106_781), Lanes(repeating: 1))
  var p = Lanes(repeating: -0.051_555_302)
  p = multiplyAdd(p, t, Lanes(repeating: 0.276_862_353))
  p = multiplyAdd(p, t, Lanes(repeating: -0.545_167_685))
  p = multiplyAdd(p, t, Lanes(repeating: 0.406_314_999))
  p = multiplyAdd(p, t, Lanes(repeating: -0.090_169_854_5))
  p = multiplyAdd(p, t, Lanes(repeating: 0.231_183_931))
  p = multiplyAdd(p, t, Lanes(repeating: 0.229_996_637))
  p = multiplyAdd(p, t, Lanes(repeating: 0.271_764_07))
  p = multiplyAdd(p, t, Lanes(repeating: 0.270_770_878))
  let gauss = exponential(x * x * -0.5)
  let tail = p * t * gauss * 0.5
  // tail is Phi(-|x|); infinite x makes it 0, NaN stays.
  let phi = tail.replacing(with: 1 - tail, where: x .> 0)
  return (x * phi, multiplyAdd(x, gauss * 0.398_942_280, phi))
}

extension Matrix {
  /// `output = GELU(self)` and, in place of its own values, the derivative, which is all that backward needs.
  ///
  /// Both matrices are dense and of one shape.
  package func geluKeepingDerivative(into output: Matrix) {
    let (x, y) = (flat, output.flat)
    precondition(x.count == y.count, "GELU: \(rows)x\(columns) into \(output.rows)x\(output.columns)")
    forEachVector(x.count) { offset, lanes in
      let (value, derivative) = geluAndDerivative(loadLanes(x.base + offset, lanes))
      storeLanes(value, y.base + offset, lanes)
      storeLanes(derivative, x.base + offset, lanes)
    }
  }

  /// `output = GELU(self)`; the same matrix may serve as both.
  package func gelu(into output: Matrix) {
    let (x, y) = (flat, output.flat)
    precondition(x.count == y.count, "GELU: \(rows)x\(columns) into \(output.rows)x\(output.columns)")
    forEachVector(x.count) { offset, lanes in
      storeLanes(geluAndDerivative(loadLanes(x.base + offset, lanes)).value, y.base + offset, lanes)
    }
  }

  /// `self = self * factor`, element by element: a gradient passing a kept derivative. Dense, of one shape.
  package func multiplyElements(by factor: Matrix) {
    let (x, y) = (flat, factor.flat)
    precondition(
      x.count == y.count, "multiplyElements: \(rows)x\(columns) by \(factor.rows)x\(factor.columns)")
    forEachVector(x.count) { offset, lanes in
      let product = loadLanes(x.base + offset, lanes) * loadLanes(y.base + offset, lanes)
      storeLanes(product, x.base + offset, lanes)
    }
  }
}

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
