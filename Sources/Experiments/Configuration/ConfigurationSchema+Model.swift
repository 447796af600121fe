import Networks

extension ConfigurationSchema {
  private static let mlp = ConfigurationKey.Condition(key: "model.type", choices: ["mlp"])
  private static let vit = ConfigurationKey.Condition(key: "model.type", choices: ["vit"])

  static let modelKeys: [ConfigurationKey] = [
    // A grid over the type would need two sets of sizes in one file.
    ConfigurationKey(
      "model.type", .choice(["mlp", "vit"]), .required, mayVary: false,
      "A multilayer perceptron or a vision transformer."),
    ConfigurationKey(
      "model.hidden", .list(of: count(from: 1), minimumCount: 0, distinct: false), .required, when: mlp,
      "Widths of the MLP's hidden layers, first to last."),
    ConfigurationKey(
      "model.bias", .oneOrList(of: .boolean), .value(.scalar(.boolean(true))), when: mlp,
      "Whether the MLP's linear layers have a bias: one value, or one a layer with the output layer last."),
    ConfigurationKey(
      "model.width", count(from: 1), .required, when: vit, "Width of the ViT; divisible by heads."),
    ConfigurationKey(
      "model.layers", .integer(1...10_000), .required, when: vit, "Transformer blocks of the ViT."),
    ConfigurationKey("model.heads", count(from: 1), .required, when: vit, "Attention heads of each block."),
    ConfigurationKey(
      "model.mlp_width", count(from: 1), .required, when: vit, "Hidden width of each block's MLP."),
    ConfigurationKey(
      "model.patch", count(from: 1), .required, when: vit,
      "Side of the ViT's patches in pixels; divides the image's sides."),
    ConfigurationKey(
      "model.initialization", .choice(Initialization.allCases.map(\.rawValue)),
      .value(.scalar(.string(Initialization.standard.rawValue))),
      "First values: default as PyTorch has them, uniform U(+-1/sqrt(in)), normal (0, 0.02) with biases 0."),
  ]
}
