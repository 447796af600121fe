import CSIMD

/// How the weights of one matrix map to levels: `level(w) = round(w / divisor)` clipped, or `sign(w - shift)`; weight `level * scale`.
package struct WeightLevels: Sendable, Equatable {
  package var format: WeightFormat
  /// What one level is worth.
  package var scale: Float
  /// Weights are divided by this before rounding.
  package var divisor: Float
  package var shift: Float

  package init(format: WeightFormat, scale: Float, divisor: Float, shift: Float = 0) {
    self.format = format
    self.scale = scale
    self.divisor = divisor
    self.shift = shift
  }

  /// Calls `body` with the level of a vector of weights as a function. The format is chosen here once, outside of loops.
  @inline(__always)
  fileprivate func withLevel<Result>(_ body: ((Lanes) -> Lanes) -> Result) -> Result {
    switch format {
    case .ternary: body { [divisor] in clipped(csimd_round_half_even($0 / divisor), from: -1, to: 1) }
    case .binary: body { [shift] in sign($0 - shift) }
    }
  }
}

/// -1, 0 or 1 lane by lane; NaN stays NaN.
@inline(__always)
func sign(_ value: Lanes) -> Lanes {
  var result = value
  result.replace(with: 1, where: value .> 0)
  result.replace(with: -1, where: value .< 0)
  return result
}

extension Vector {
  /// `output = level`, of each weight: what products multiply by, and then by the scale.
  package func quantize(_ levels: WeightLevels, into output: Vector) {
    precondition(output.count == count, "quantize: \(count) weights into \(output.count)")
    levels.withLevel { level in
      forEachVector(count) { offset, lanes in
        storeLanes(level(loadLanes(base + offset, lanes)), output.base + offset, lanes)
      }
    }
  }

  /// `<gradient, level - weight / divisor>` for the gradient of a scale that is not detached; `self` are the weights.
  ///
  /// Summed as in `sum()`.
  package func scaleGradient(_ gradient: Vector, _ levels: WeightLevels) -> Double {
    precondition(gradient.count == count, "scaleGradient: \(gradient.count) gradients of \(count) weights")
    return levels.withLevel { level in
      blockwiseSum(count) { offset, lanes, partial in
        let weight = loadLanes(base + offset, lanes)
        let difference = level(weight) - weight / levels.divisor
        return multiplyAdd(loadLanes(gradient.base + offset, lanes), difference, partial)
      }
    }
  }

  /// `self += sign(weights) * amount`: the other half of that gradient.
  package func addSigns(of weights: Vector, times amount: Float) {
    precondition(weights.count == count, "addSigns: \(weights.count) weights for \(count) gradients")
    forEachVector(count) { offset, lanes in
      let value = multiplyAdd(
        sign(loadLanes(weights.base + offset, lanes)), Lanes(repeating: amount),
        loadLanes(base + offset, lanes))
      storeLanes(value, base + offset, lanes)
    }
  }
}
