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

/// How parameters get their first values; the raw value is the config's `initialization`.
package enum Initialization: String, Sendable, Hashable, CaseIterable {
  /// What PyTorch and transformers do for the network at hand; quantized layers are always `uniform`.
  case standard = "default"
  /// `U(-1/sqrt(in), 1/sqrt(in))` for weights and biases of every linear layer.
  case uniform
  /// normal(0, 0.02) for the weights of every linear layer, zero for its biases.
  case normal
}

/// A multilayer perceptron: linear layers with ReLU between them.
package struct MLPSpecification: Sendable, Hashable {
  /// Widths of the hidden layers, first to last.
  package var hidden: [Int]
  /// Whether each linear layer has a bias: one value a layer, `hidden.count + 1` in all.
  package var bias: [Bool]

  package init(hidden: [Int], bias: [Bool]) {
    self.hidden = hidden
    self.bias = bias
  }
}

/// A vision transformer: pre-norm blocks, class token, learned positions.
package struct ViTSpecification: Sendable, Hashable {
  package var width: Int
  package var layers: Int
  package var heads: Int
  package var mlpWidth: Int
  /// Side of the square patches, in pixels.
  package var patch: Int

  package init(width: Int, layers: Int, heads: Int, mlpWidth: Int, patch: Int) {
    self.width = width
    self.layers = layers
    self.heads = heads
    self.mlpWidth = mlpWidth
    self.patch = patch
  }
}

/// Everything that fixes a network's tensors and arithmetic, before any value exists.
package struct NetworkSpecification: Sendable, Hashable {
  /// The kind of network, with what only that kind has.
  package enum Architecture: Sendable, Hashable {
    case mlp(MLPSpecification)
    case vit(ViTSpecification)
  }

  package var architecture: Architecture
  package var image: ImageShape
  package var classes: Int
  package var precision: WeightPrecision
  package var method: QuantizationMethod
  package var initialization: Initialization

  package init(
    architecture: Architecture, image: ImageShape, classes: Int, precision: WeightPrecision = .full,
    method: QuantizationMethod = .simpleBitNet, initialization: Initialization = .standard
  ) {
    self.architecture = architecture
    self.image = image
    self.classes = classes
    self.precision = precision
    self.method = method
    self.initialization = initialization
  }
}
