import CSIMD

/// One Adam step's constants, computed in Double as torch.optim does.
package struct AdamStep: Sendable {
  package var beta1: Float
  package var beta2: Float
  package var oneMinusBeta1: Float
  package var oneMinusBeta2: Float
  /// Learning rate over the first moment's bias correction.
  package var stepSize: Float
  /// Root of the second moment's bias correction.
  package var correctionRoot: Float
  package var epsilon: Float
  /// Added to the gradient as `decay * parameter` (Adam).
  package var gradientDecay: Float
  /// The parameter's factor before the step (AdamW): `1 - rate * decay`.
  package var parameterFactor: Float

  /// - Parameter step: from 1.
  package init(
    step: Int, rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
    decoupled: Bool
  ) {
    self.beta1 = Float(beta1)
    self.beta2 = Float(beta2)
    oneMinusBeta1 = Float(1 - beta1)
    oneMinusBeta2 = Float(1 - beta2)
    stepSize = Float(rate / (1 - Self.power(beta1, step)))
    correctionRoot = Float((1 - Self.power(beta2, step)).squareRoot())
    self.epsilon = Float(epsilon)
    gradientDecay = decoupled ? 0 : Float(weightDecay)
    parameterFactor = decoupled ? Float(1 - rate * weightDecay) : 1
  }

  /// `base^exponent` by squaring: the same bits on every libm.
  private static func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}

extension Vector {
  /// Adam and AdamW; `self` are the parameters.
  ///
  ///     m += (g - m)(1 - beta1)    v = v beta2 + (1 - beta2) g^2    p -= stepSize m / (sqrt v / correctionRoot + epsilon)
  package func adam(_ step: AdamStep, gradient: Vector, firstMoment: Vector, secondMoment: Vector) {
    precondition(
      gradient.count == count && firstMoment.count == count && secondMoment.count == count,
      "adam: \(count) parameters, \(gradient.count) gradients, \(firstMoment.count) and \(secondMoment.count) moments"
    )
    forEachVector(count) { offset, lanes in
      var p = loadLanes(base + offset, lanes) * step.parameterFactor
      var g = loadLanes(gradient.base + offset, lanes)
      g = multiplyAdd(p, Lanes(repeating: step.gradientDecay), g)
      var m = loadLanes(firstMoment.base + offset, lanes)
      var v = loadLanes(secondMoment.base + offset, lanes)
      m = multiplyAdd(g - m, Lanes(repeating: step.oneMinusBeta1), m)
      v = multiplyAdd(g * g, Lanes(repeating: step.oneMinusBeta2), v * step.beta2)
      let root = csimd_square_root(v) / step.correctionRoot + step.epsilon
      p -= m / root * step.stepSize
      storeLanes(p, base + offset, lanes)
      storeLanes(m, firstMoment.base + offset, lanes)
      storeLanes(v, secondMoment.base + offset, lanes)
    }
  }

  /// SGD with momentum; `self` are the parameters.
  ///
  ///     g += weightDecay p    b = momentum b + g  (b = g in the first step)    p -= rate b
  ///
  /// - Parameter buffer: the momentum buffer; nil without momentum.
  package func sgd(
    rate: Float, momentum: Float, weightDecay: Float, gradient: Vector, buffer: Vector?, isFirstStep: Bool
  ) {
    precondition(
      gradient.count == count && (buffer?.count ?? count) == count,
      "sgd: \(gradient.count) gradients of \(count)")
    forEachVector(count) { offset, lanes in
      let p = loadLanes(base + offset, lanes)
      var g = multiplyAdd(p, Lanes(repeating: weightDecay), loadLanes(gradient.base + offset, lanes))
      if let buffer {
        if !isFirstStep {
          g = multiplyAdd(loadLanes(buffer.base + offset, lanes), Lanes(repeating: momentum), g)
        }
        storeLanes(g, buffer.base + offset, lanes)
      }
      storeLanes(multiplyAdd(g, Lanes(repeating: -rate), p), base + offset, lanes)
    }
  }
}
