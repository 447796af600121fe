import Foundation

/// One parameter's optimizer, as torch.optim's documentation writes it, in Double.
struct ReferenceOptimizer {
  var parameter: Double
  private var first = 0.0
  private var second = 0.0
  private var steps = 0

  init(_ parameter: Double) { self.parameter = parameter }

  mutating func adam(
    _ gradient: Double, rate: Double, beta1: Double, beta2: Double, epsilon: Double, decay: Double,
    decoupled: Bool
  ) {
    steps += 1
    var gradient = gradient
    if decoupled { parameter -= rate * decay * parameter } else { gradient += decay * parameter }
    first = beta1 * first + (1 - beta1) * gradient
    second = beta2 * second + (1 - beta2) * gradient * gradient
    let firstHat = first / (1 - pow(beta1, Double(steps)))
    let secondHat = second / (1 - pow(beta2, Double(steps)))
    parameter -= rate * firstHat / (secondHat.squareRoot() + epsilon)
  }

  mutating func sgd(_ gradient: Double, rate: Double, momentum: Double, decay: Double) {
    steps += 1
    let gradient = gradient + decay * parameter
    first = steps == 1 ? gradient : momentum * first + gradient
    parameter -= rate * first
  }
}
