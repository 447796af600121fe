import CSIMD

/// One Adam step's constants, computed in Double as torch.optim does.
package struct AdamStep: Sendable {
  package var beta1: Float
  package var beta2: Float
  package var oneMinusBeta1: Float
  package var oneMinusBeta2: Float
  /// Learning rate over the first moment's bias correction.
  package var stepSize: Float
  /// One over the root of the second moment's bias correction: a multiplication instead of a division a value.
  package var correctionFactor: Float
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
    correctionFactor = Float(1 / (1 - Self.power(beta2, step)).squareRoot())
    self.epsilon = Float(epsilon)
    gradientDecay = decoupled ? 0 : Float(weightDecay)
    parameterFactor = decoupled ? Float(1 - rate * weightDecay) : 1
  }

  /// Parameters and moments after the step, from what they and the gradients were before.
  @inline(__always)
  func apply(
    _ parameters: Lanes, _ gradients: Lanes, _ firstMoments: Lanes, _ secondMoments: Lanes
  ) -> (parameters: Lanes, firstMoments: Lanes, secondMoments: Lanes) {
    let p = parameters * parameterFactor
    let g = multiplyAdd(p, Lanes(repeating: gradientDecay), gradients)
    let m = multiplyAdd(g - firstMoments, Lanes(repeating: oneMinusBeta1), firstMoments)
    let v = multiplyAdd(g * g, Lanes(repeating: oneMinusBeta2), secondMoments * beta2)
    let root = multiplyAdd(
      csimd_square_root(v), Lanes(repeating: correctionFactor), Lanes(repeating: epsilon))
    return (p - m / root * stepSize, m, v)
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
  ///     m += (g - m)(1 - beta1)    v = v beta2 + (1 - beta2) g^2    p -= stepSize m / (sqrt v correctionFactor + epsilon)
  package func adam(_ step: AdamStep, gradient: Vector, firstMoment: Vector, secondMoment: Vector) {
    precondition(
      gradient.count == count && firstMoment.count == count && secondMoment.count == count,
      "adam: \(count) parameters, \(gradient.count) gradients, \(firstMoment.count) and \(secondMoment.count) moments"
    )
    let (p, g, m, v) = (base, gradient.base, firstMoment.base, secondMoment.base)
    var offset = 0
    // Not by `forEachVector`: the compiler would call so long a closure for each vector, and what a call saves on the
    // stack takes the room that the loop's own stores need on their way to memory.
    while offset + laneCount <= count {
      let next = step.apply(load(p + offset), load(g + offset), load(m + offset), load(v + offset))
      store(next.parameters, p + offset)
      store(next.firstMoments, m + offset)
      store(next.secondMoments, v + offset)
      offset += laneCount
    }
    let rest = count - offset
    if rest > 0 {
      let next = step.apply(
        load(p + offset, count: rest), load(g + offset, count: rest), load(m + offset, count: rest),
        load(v + offset, count: rest))
      store(next.parameters, p + offset, count: rest)
      store(next.firstMoments, m + offset, count: rest)
      store(next.secondMoments, v + offset, count: rest)
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
