import TensorCore

/// A kind of network and its sizes: how it is put together. Everything else is counted from what it collects.
package protocol Architecture: Sendable, Hashable {
  /// What it is called: the config's `model.type`.
  static var type: String { get }

  /// Why it cannot be, or not take such images; nil where it can. It is put together only then, but for its sizes.
  func problem(image: ImageShape) -> String?

  /// The network, of what the builder has collected and collects now.
  func network(_ builder: inout NetworkBuilder) -> any Network
}

/// A value of some architecture or other, that can be compared.
@propertyWrapper package struct AnyArchitecture: Sendable, Hashable {
  package var wrappedValue: any Architecture

  package init(wrappedValue: any Architecture) { self.wrappedValue = wrappedValue }

  package static func == (a: Self, b: Self) -> Bool {
    AnyHashable(a.wrappedValue) == AnyHashable(b.wrappedValue)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(wrappedValue)) }
}

/// Everything that fixes a network's tensors and arithmetic, before any value exists.
package struct NetworkSpecification: Sendable, Hashable {
  @AnyArchitecture package var architecture: any Architecture
  package var image: ImageShape
  package var classes: Int
  package var precision: WeightPrecision
  package var method: QuantizationMethod
  package var initialization: Initialization

  package init(
    architecture: any Architecture, image: ImageShape, classes: Int, precision: WeightPrecision = .full,
    method: QuantizationMethod = .simpleBitNet, initialization: Initialization = .standard
  ) {
    self.architecture = architecture
    self.image = image
    self.classes = classes
    self.precision = precision
    self.method = method
    self.initialization = initialization
  }

  /// The network, planned for shards of at most `shardImages` images.
  package func network(shardImages: Int) -> any Network {
    var builder = NetworkBuilder(self, shardImages: shardImages)
    return architecture.network(&builder)
  }
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
