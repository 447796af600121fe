import Foundation

/// Student's t distribution with a whole number of degrees of freedom, at least 1.
package struct StudentT: Hashable, Sendable {
  package let degreesOfFreedom: Int

  package init(degreesOfFreedom: Int) {
    precondition(degreesOfFreedom >= 1, "StudentT: \(degreesOfFreedom) degrees of freedom")
    self.degreesOfFreedom = degreesOfFreedom
  }

  /// The `t` with `P(|T| <= t) = probability`, for a probability between 0 and 1: 12.7062 for 0.95 and one
  /// degree of freedom, 1.96 for very many. Right to some 12 digits, in time linear in the degrees of
  /// freedom.
  package func twoSidedQuantile(_ probability: Double) -> Double {
    precondition(probability > 0 && probability < 1, "StudentT: quantile of \(probability)")
    // In the angle, which is bounded where t is not; halved until no number lies between.
    var low = 0.0
    var high = Double.pi / 2
    while true {
      let middle = (low + high) / 2
      if middle <= low || middle >= high { break }
      if probabilityWithin(angle: middle) < probability { low = middle } else { high = middle }
    }
    return tan(high) * Double(degreesOfFreedom).squareRoot()
  }

  /// `P(|T| <= t)` for `angle = atan(t / sqrt(degrees of freedom))`: finite sums of positive terms.
  ///
  /// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
  private func probabilityWithin(angle: Double) -> Double {
    let (sine, cosine) = (sin(angle), cos(angle))
    let isOdd = degreesOfFreedom % 2 == 1
    // Odd: cos + 2/3 cos^3 + 2*4/(3*5) cos^5 + ...; even: 1 + 1/2 cos^2 + 1*3/(2*4) cos^4 + ...; up to the
    // power of degrees of freedom - 2.
    var term = isOdd ? cosine : 1
    var power = isOdd ? 1 : 0
    var sum = 0.0
    while power <= degreesOfFreedom - 2 {
      sum += term
      term *= cosine * cosine * Double(power + 1) / Double(power + 2)
      power += 2
    }
    return isOdd ? 2 / Double.pi * (angle + sine * sum) : sine * sum
  }
}
