import TensorCore

/// A linear layer `y = x W^T + b`, `W [outputs, inputs]`, with full-precision or quantized weights.
///
/// A quantized layer multiplies by the level of each latent weight, and the sums by their scale. Its input is what
/// `LinearInput` of the same quantizer gave. Formulas: `Quantizer`; gradients pass straight through the quantizer, and what the scale
/// adds to them is added once a step, to the sum of all shards.
package struct Linear: Sendable {
  package let inputs: Int
  package let outputs: Int
  package let quantizer: Quantizer?
  /// Index of W among the parameters.
  package let weight: Int
  /// Index of b, nil without bias.
  package let bias: Int?
  /// Index among the network's linear layers, which is where its packed panels are found.
  package let index: Int
  /// False for a first layer, whose input needs no gradient.
  package let hasInputGradient: Bool

  /// Whether forward multiplies int8 levels.
  var hasIntegerInput: Bool {
    quantizer?.quantizesActivations == true && Self.hasIntegerProducts(inputs: inputs)
  }

  /// Deeper sums than 32 bits hold are taken in float32.
  static func hasIntegerProducts(inputs: Int) -> Bool { inputs <= WeightFormat.greatestDepth }

  /// Shard scratch that `backward` needs, and `forward` with packed weights.
  var scratchCount: Int {
    let forward = quantizer == nil ? 0 : PackedMatrix.scratchCount(outputs: outputs, inputs: inputs)
    return max(forward, TransposedProduct.scratchCount(columns: inputs))
  }

  /// `y [rows, outputs]` of `x [rows, inputs]`.
  func forward(_ x: LinearOperand, into y: Matrix, _ pass: ForwardPass) {
    pass.weights.multiply(
      x, by: self, into: y, bias: bias.map { pass.parameters[$0] }, scratch: pass.scratch)
  }

  /// `dW = dY^T x`, `db = column sums of dY`, `dx (+)= dY W` where it is wanted.
  func backward(_ dy: Matrix, x: Matrix, into dx: Matrix?, accumulate: Bool = false, _ pass: BackwardPass) {
    TransposedProduct.multiply(
      dy, x, into: pass.gradients.matrix(weight), accumulate: pass.accumulates, scratch: pass.scratch)
    if let bias { dy.sumRows(into: pass.gradients[bias], accumulate: pass.accumulates) }
    if let dx { multiply(dy, pass.panels.backward(self), into: dx, from: accumulate ? .accumulate : .zero) }
  }
}

/// What linear layers multiply.
package enum LinearOperand {
  case values(Matrix)
  /// Values that are rounded to int8.
  case levels(Int8Matrix)

  /// Every `step`th row.
  func everyRow(_ step: Int) -> LinearOperand {
    switch self {
    case .values(let values): .values(values.everyRow(step))
    case .levels(let levels): .levels(levels.everyRow(step))
    }
  }
}

/// What stands in front of linear layers: nothing, or for `bitnet` the RMS norm without gain and the rounding to int8.
///
/// Layers that read one input (query, key and value) share it: the rounding depends on the input alone. Backward passes
/// the rounding straight through.
struct LinearInput: Sendable {
  private static let epsilon: Float = 1e-6

  private struct Rounded: Sendable {
    /// Of the RMS norm.
    var scales: ActivationSlot
    /// What the normalized values are rounded to, with the scale and sum of each row.
    var levels: ActivationSlot
    var levelScales: ActivationSlot
    var sums: ActivationSlot
    var columns: Int
    /// What the levels stand for: written where float32 products take them.
    var values: ActivationSlot

    func levels(_ pass: ForwardPass) -> Int8Matrix {
      Int8Matrix(
        room: pass[levels], columns: columns, scales: pass[levelScales].flat, sums: pass[sums].flat)
    }
  }

  private let rounded: Rounded?

  /// - Parameters:
  ///   - rowsPerImage, columns: the shape of the input.
  init(rowsPerImage: Int, columns: Int, _ builder: inout NetworkBuilder) {
    guard builder.quantizer?.quantizesActivations == true else {
      rounded = nil
      return
    }
    func slot(_ columns: Int) -> ActivationSlot {
      builder.activation(rowsPerImage: rowsPerImage, columns: columns)
    }
    rounded = Rounded(
      scales: slot(1), levels: slot(Int8Matrix.room(columns: columns)), levelScales: slot(1), sums: slot(1),
      columns: columns, values: slot(columns))
  }

  /// What the linear layers multiply: `x` itself or what it is rounded to, kept for backward.
  func forward(_ x: Matrix, _ pass: ForwardPass) -> LinearOperand {
    guard let rounded else { return .values(x) }
    let levels = rounded.levels(pass)
    RMSNormKernel.forward(x, epsilon: Self.epsilon, into: levels, scales: pass[rounded.scales].flat)
    guard !Linear.hasIntegerProducts(inputs: x.columns) else { return .levels(levels) }
    return .values(kept(x, pass))
  }

  /// What `forward` gave, in float32.
  func kept(_ x: Matrix, _ pass: ForwardPass) -> Matrix {
    guard let rounded else { return x }
    let values = pass[rounded.values]
    rounded.levels(pass).values(into: values)
    return values
  }

  /// Turns the gradient of the linear layers' input into that of `x`, in place.
  func backward(_ gradient: Matrix, x: Matrix, _ pass: ForwardPass) {
    guard let rounded else { return }
    RMSNormKernel.backward(
      gradient, x: x, scales: pass[rounded.scales].flat, into: gradient, accumulate: false)
  }
}

extension NetworkBuilder {
  /// Adds a linear layer's tensors, named `name.weight` and `name.bias`.
  ///
  /// - Parameter full: initial values of a full-precision layer's weight and bias where the initialization is `standard`.
  mutating func linear(
    _ name: String, rowsPerImage: Int, inputs: Int, outputs: Int, bias hasBias: Bool = true,
    hasInputGradient: Bool = true,
    standard full: (weight: InitialValues, bias: InitialValues)
  ) -> Linear {
    let bound = InitialValues.uniform(bound: 1 / Float(inputs).squareRoot())
    let values: (weight: InitialValues, bias: InitialValues)
    switch specification.initialization {
    case .standard: values = quantizer == nil ? full : (bound, bound)
    case .uniform: values = (bound, bound)
    case .normal: values = (.normal(deviation: 0.02), .zeros)
    }
    return add(
      name, rowsPerImage: rowsPerImage, shape: [outputs, inputs], quantizer: quantizer, bias: hasBias,
      hasInputGradient: hasInputGradient, values: values)
  }

  /// Adds a linear layer with a weight of a given shape, quantized or not.
  mutating func add(
    _ name: String, rowsPerImage: Int, shape: [Int], quantizer: Quantizer?, bias hasBias: Bool,
    hasInputGradient: Bool, values: (weight: InitialValues, bias: InitialValues)
  ) -> Linear {
    let weight = tensor(name + ".weight", shape: shape, values.weight)
    let bias = hasBias ? tensor(name + ".bias", shape: [shape[0]], values.bias) : nil
    let inputs = Size.product(Array(shape.dropFirst()))
    return add(
      {
        Linear(
          inputs: inputs, outputs: shape[0], quantizer: quantizer, weight: weight, bias: bias,
          index: $0,
          hasInputGradient: hasInputGradient)
      }, rowsPerImage: rowsPerImage)
  }
}
