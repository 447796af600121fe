import Networks

extension MLPSpecification: ConfiguredArchitecture {
  static let summary = "a multilayer perceptron"

  static let keys = [
    ConfigurationKey(
      "model.hidden", .list(of: ConfigurationSchema.count(from: 1), minimumCount: 0, distinct: false),
      .required, "Widths of the MLP's hidden layers, first to last."),
    ConfigurationKey(
      "model.bias", .oneOrList(of: .boolean), .value(.scalar(.boolean(true))), ofVariants: true,
      "Whether the MLP's linear layers have a bias: one value, or one a layer with the output layer last."),
  ]

  init(_ values: ConfigurationValues) {
    self.init(
      hidden: values.list("model.hidden").compactMap { ConfigurationValue.scalar($0).integer },
      bias: values.list("model.bias").map { $0 == .boolean(true) })
  }

  static func complete(_ values: inout ConfigurationValues) {
    if case .scalar(let bias) = values["model.bias"], case .list(let hidden) = values["model.hidden"] {
      values["model.bias"] = .list(Array(repeating: bias, count: hidden.count + 1))
    }
  }

  static func check(_ checks: inout RunChecks) -> (network: Self, largest: String)? {
    guard let items = checks.settings.list("model.hidden") else { return nil }
    let hidden = items.compactMap { ConfigurationValue.scalar($0).integer }
    if let bias = checks.settings.list("model.bias"), bias.count != hidden.count + 1 {
      checks.report(
        "found \(bias.count) \(bias.count == 1 ? "value" : "values"), expected \(hidden.count + 1): "
          + "one for each hidden layer and one for the output layer",
        at: "model.bias", "model.hidden")
    }
    return (
      Self(hidden: hidden, bias: Array(repeating: true, count: hidden.count + 1)), "model.hidden"
    )
  }
}
