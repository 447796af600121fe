import TensorCore

/// How many bits a weight of the linear layers takes: the raw value is the config's `bits`.
package enum WeightPrecision: Int, Sendable, Hashable, CaseIterable {
  case full = 32
  /// Ternary weights, "1.58 bits", stored in two.
  case ternary = 2
  case binary = 1
}

/// The quantized linear layer's formula; the raw value is the config's `method`.
package enum QuantizationMethod: String, Sendable, Hashable, CaseIterable {
  /// The article's: one scale a matrix that gradients flow through, activations untouched.
  case simpleBitNet = "simple-bitnet"
  /// The papers': RMS norm and int8 activations in front, scales detached.
  case bitNet = "bitnet"
}

extension WeightPrecision {
  /// nil for full precision.
  package var format: WeightFormat? {
    switch self {
    case .full: nil
    case .ternary: .ternary
    case .binary: .binary
    }
  }
}

/// What a quantized linear layer does to its weights and its input: the formula and the weights' format.
package struct Quantizer: Sendable, Hashable {
  package var method: QuantizationMethod
  package var format: WeightFormat

  package init(method: QuantizationMethod, format: WeightFormat) {
    self.method = method
    self.format = format
  }

  /// The levels of a matrix of `count` weights with these sums of magnitudes and of values.
  ///
  ///     simple-bitnet  s = 2 mean|W| + 1e-4; q = clip(round(W / s), -1, 1) or sign(W); weight s q
  ///     bitnet, 2      s = max(mean|W|, 1e-5); q = clip(round(W / s), -1, 1); weight s q
  ///     bitnet, 1      q = sign(W - mean W); weight mean|W| q
  package func levels(sumOfMagnitudes: Double, sum: Double, count: Int) -> WeightLevels {
    let meanMagnitude = sumOfMagnitudes / Double(max(count, 1))
    switch method {
    case .simpleBitNet:
      let scale = Float(2 * meanMagnitude + 1e-4)
      return WeightLevels(format: format, scale: scale, divisor: scale)
    case .bitNet:
      let scale = Float(format == .ternary ? max(meanMagnitude, 1e-5) : meanMagnitude)
      let shift = needsSum ? Float(sum / Double(max(count, 1))) : 0
      return WeightLevels(format: format, scale: scale, divisor: scale, shift: shift)
    }
  }

  /// Whether the levels hang on the sum of the values as well.
  package var needsSum: Bool { method == .bitNet && format == .binary }

  /// Whether gradients flow through the scale, which adds `2 sign(W) / N <G, q - W / s>` to the weight's gradient.
  package var scaleHasGradient: Bool { method == .simpleBitNet }

  /// Whether the layer's input is normalized and rounded to int8.
  package var quantizesActivations: Bool { method == .bitNet }

  /// Bytes of a packed matrix, its float32 scale included.
  package func packedBytes(outputs: Int, inputs: Int) -> Int {
    Size.sum(format.bytes(rows: outputs, columns: inputs), MemoryLayout<Float>.stride)
  }
}
