import TensorCore

/// What stands in front of linear layers: nothing, or for `bitnet` the RMS norm without gain and the rounding to int8.
///
/// Layers that read one input (query, key and value) share it: the rounding depends on the input alone. Backward passes
/// the rounding straight through.
struct LinearInput: Sendable {
  private static let epsilon: Float = 1e-6

  private struct Rounded: Sendable {
    var values: ActivationSlot
    var scales: ActivationSlot
  }

  private let rounded: Rounded?

  /// - Parameters:
  ///   - rowsPerImage, columns: the shape of the input.
  init(rowsPerImage: Int, columns: Int, _ builder: inout NetworkBuilder) {
    guard builder.quantization?.quantizesActivations == true else {
      rounded = nil
      return
    }
    rounded = Rounded(
      values: builder.activation(rowsPerImage: rowsPerImage, columns: columns),
      scales: builder.activation(rowsPerImage: rowsPerImage, columns: 1))
  }

  /// What the linear layers multiply: `x` itself or its rounded copy, kept for backward.
  func forward(_ x: Matrix, _ pass: ForwardPass) -> Matrix {
    guard let rounded else { return x }
    let values = pass[rounded.values]
    RMSNormKernel.forward(x, epsilon: Self.epsilon, into: values, scales: pass[rounded.scales].flat)
    values.roundRowsToInt8Levels()
    return values
  }

  /// The kept result of `forward`.
  func kept(_ x: Matrix, _ pass: ForwardPass) -> Matrix { rounded.map { pass[$0.values] } ?? x }

  /// Turns the gradient of the linear layers' input into that of `x`, in place.
  func backward(_ gradient: Matrix, x: Matrix, _ pass: ForwardPass) {
    guard let rounded else { return }
    RMSNormKernel.backward(
      gradient, x: x, scales: pass[rounded.scales].flat, into: gradient, accumulate: false)
  }
}
