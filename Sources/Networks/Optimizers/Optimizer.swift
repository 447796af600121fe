import TensorCore

/// An optimizer's state for one run: the moments of all parameters and the number of steps taken.
package struct Optimizer: Sendable {
  package let specification: OptimizerSpecification
  /// Adam's two moments, SGD's momentum buffer, or none; named as they are in checkpoints.
  package let moments: [(name: String, values: ParameterValues)]
  /// Steps taken so far.
  package var stepCount = 0

  package init(_ specification: OptimizerSpecification, layout: ParameterLayout) throws(OutOfMemory) {
    self.specification = specification
    let names: [String]
    switch specification.kind {
    case .adam, .adamw: names = ["first_moment", "second_moment"]
    case .sgd: names = specification.momentum == 0 ? [] : ["momentum"]
    }
    moments = try names.map { name throws(OutOfMemory) in (name, try ParameterValues(layout: layout)) }
  }

  /// The update of the step that follows `stepCount`, ready to be applied to any part of the parameters.
  package func update(rate: Double) -> OptimizerUpdate {
    switch specification.kind {
    case .adam, .adamw:
      let step = AdamStep(
        step: stepCount + 1, rate: rate, beta1: specification.beta1, beta2: specification.beta2,
        epsilon: specification.epsilon, weightDecay: specification.weightDecay,
        decoupled: specification.kind == .adamw)
      return OptimizerUpdate(kind: .adam(step, moments[0].values.storage.all, moments[1].values.storage.all))
    case .sgd:
      return OptimizerUpdate(
        kind: .sgd(
          rate: Float(rate), momentum: Float(specification.momentum),
          weightDecay: Float(specification.weightDecay),
          buffer: moments.first?.values.storage.all, isFirstStep: stepCount == 0))
    }
  }
}

/// One step's update: element by element, so parts may be updated in any order and at once. It has views of the moments:
/// the optimizer outlives it.
package struct OptimizerUpdate: Sendable {
  enum Kind: Sendable {
    case adam(AdamStep, Vector, Vector)
    case sgd(rate: Float, momentum: Float, weightDecay: Float, buffer: Vector?, isFirstStep: Bool)
  }

  let kind: Kind

  /// Updates the parameters of `range` from their gradients; both are views of these values alone.
  package func apply(_ range: Range<Int>, parameters: Vector, gradients: Vector) {
    switch kind {
    case .adam(let step, let first, let second):
      parameters.adam(step, gradient: gradients, firstMoment: first[range], secondMoment: second[range])
    case .sgd(let rate, let momentum, let weightDecay, let buffer, let isFirstStep):
      parameters.sgd(
        rate: rate, momentum: momentum, weightDecay: weightDecay, gradient: gradients,
        buffer: buffer?[range], isFirstStep: isFirstStep)
    }
  }
}

/// Which optimizer updates the parameters, with torch.optim's keys and defaults.
package struct OptimizerSpecification: Sendable, Hashable {
  /// The update rule; the raw value is the config's.
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
