import Networks

/// An architecture as configs have it: its keys, how they are read, and what they say together.
protocol ConfiguredArchitecture: Architecture {
  /// What it is, for people.
  static var summary: String { get }
  /// Its keys below `model`; they mean nothing for another type.
  static var keys: [ConfigurationKey] { get }

  /// Reads checked values.
  init(_ values: ConfigurationValues)

  /// Writes out what a value that stands for several leaves open.
  static func complete(_ values: inout ConfigurationValues)

  /// Checks what the settings say together.
  ///
  /// - Returns: the network as far as its sizes are known, and the key to look at where it is too large; nil where they
  ///   are not.
  static func check(_ checks: inout RunChecks) -> (network: Self, largest: String)?
}

extension ConfiguredArchitecture {
  static func complete(_ values: inout ConfigurationValues) {}

  /// `check`, of an architecture of any kind.
  static func sizes(_ checks: inout RunChecks) -> (network: any Architecture, largest: String)? {
    check(&checks).map { ($0.network, $0.largest) }
  }
}

extension ConfigurationSchema {
  /// Every `model.type` there is.
  static let architectures: [any ConfiguredArchitecture.Type] = [
    MLPSpecification.self, ViTSpecification.self,
  ]

  /// The one that the settings or values name.
  static func architecture(_ type: String?) -> (any ConfiguredArchitecture.Type)? {
    architectures.first { $0.type == type }
  }
}
