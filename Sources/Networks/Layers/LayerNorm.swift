import TensorCore

/// Layer normalization over the width: `y = (x - mean) / sqrt(variance + epsilon) * gain + bias`. Gain 1 and bias 0 at
/// first.
struct LayerNorm: Sendable {
  private let epsilon: Float
  private let gain: Int
  private let bias: Int
  /// Mean and reciprocal deviation of each row.
  private let statistics: ActivationSlot

  init(_ name: String, width: Int, epsilon: Float, rowsPerImage: Int, _ builder: inout NetworkBuilder) {
    self.epsilon = epsilon
    gain = builder.tensor(name + ".weight", shape: [width], .ones)
    bias = builder.tensor(name + ".bias", shape: [width], .zeros)
    statistics = builder.activation(rowsPerImage: rowsPerImage, columns: 2)
  }

  func forward(_ x: Matrix, into y: Matrix, _ pass: ForwardPass) {
    LayerNormKernel.forward(
      x, gain: pass.parameters[gain], bias: pass.parameters[bias], epsilon: epsilon, into: y,
      statistics: pass[statistics])
  }

  /// `dx += ` the gradient through the norm: `dx` is the residual stream's.
  func backward(_ dy: Matrix, x: Matrix, addingTo dx: Matrix, _ pass: BackwardPass) {
    let (dgain, dbias) = (pass.gradients[gain], pass.gradients[bias])
    if !pass.accumulates {
      dgain.fill(0)
      dbias.fill(0)
    }
    LayerNormKernel.backward(
      dy, x: x, gain: pass.parameters[gain], statistics: pass[statistics], into: dx, accumulate: true,
      dgain: dgain, dbias: dbias)
  }
}
