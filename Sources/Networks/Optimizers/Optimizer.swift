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
