/// Which optimizer updates the parameters, with torch.optim's keys and defaults.
package struct OptimizerSpecification: Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case adam, adamw, sgd
  }

  package var kind: Kind
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var weightDecay: Double
  /// SGD only.
  package var momentum: Double

  /// `weightDecay` left out means torch.optim's default for the kind: 0.01 for AdamW, 0 otherwise.
  package init(
    kind: Kind = .adam, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double? = nil, momentum: Double = 0
  ) {
    self.kind = kind
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay ?? (kind == .adamw ? 0.01 : 0)
    self.momentum = momentum
  }
}
