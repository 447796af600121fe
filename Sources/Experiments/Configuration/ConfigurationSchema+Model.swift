import Networks

extension ConfigurationSchema {
  static let modelKeys: [ConfigurationKey] = {
    let summaries = architectures.map { $0.summary }.joined(separator: " or ")
    let type = ConfigurationKey(
      // A grid over the type would need two sets of sizes in one file.
      "model.type", .choice(architectures.map { $0.type }), .required, mayVary: false,
      summaries.prefix(1).uppercased() + summaries.dropFirst() + ".")
    let sizes = architectures.flatMap { architecture in
      architecture.keys.map { key in
        var key = key
        key.condition = ConfigurationKey.Condition(key: type.path, choices: [architecture.type])
        return key
      }
    }
    let initialization = ConfigurationKey(
      "model.initialization", .choice(Initialization.allCases.map(\.rawValue)),
      .value(.scalar(.string(Initialization.standard.rawValue))), ofVariants: true,
      "First values: default as PyTorch has them, uniform U(+-1/sqrt(in)), normal (0, 0.02) with biases 0.")
    return [type] + sizes + [initialization]
  }()
}
