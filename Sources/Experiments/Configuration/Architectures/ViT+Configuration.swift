import Networks

extension ViTSpecification: ConfiguredArchitecture {
  static let summary = "a vision transformer"

  static let keys = [
    ConfigurationKey("model.width", count, .required, "Width of the ViT; divisible by heads."),
    ConfigurationKey("model.layers", .integer(1...10_000), .required, "Transformer blocks of the ViT."),
    ConfigurationKey("model.heads", count, .required, "Attention heads of each block."),
    ConfigurationKey("model.mlp_width", count, .required, "Hidden width of each block's MLP."),
    ConfigurationKey(
      "model.patch", count, .required, "Side of the ViT's patches in pixels; divides the image's sides."),
  ]

  private static let count = ConfigurationSchema.count(from: 1)

  init(_ values: ConfigurationValues) {
    self.init(
      width: values.integer("model.width"), layers: values.integer("model.layers"),
      heads: values.integer("model.heads"), mlpWidth: values.integer("model.mlp_width"),
      patch: values.integer("model.patch"))
  }

  static func check(_ checks: inout RunChecks) -> (network: Self, largest: String)? {
    let settings = checks.settings
    let width = settings.integer("model.width")
    let heads = settings.integer("model.heads")
    let patch = settings.integer("model.patch")
    if let width, let heads, width % heads != 0 {
      checks.report("width \(width) is not divisible by heads \(heads)", at: "model.width", "model.heads")
    }
    if let patch, let dataset = checks.dataset, let image = dataset.image,
      let side = [image.width, image.height].first(where: { $0 % patch != 0 })
    {
      checks.report(
        "image side \(side) of \(dataset.rawValue) is not divisible by patch \(patch)",
        at: "model.patch", "dataset.name")
    }
    guard let width, let heads, let patch, let layers = settings.integer("model.layers"),
      let mlpWidth = settings.integer("model.mlp_width")
    else { return nil }
    // The largest of the sizes is the one to look at.
    let sizes = [("model.width", width), ("model.mlp_width", mlpWidth), ("model.layers", layers)]
    return (
      Self(width: width, layers: layers, heads: heads, mlpWidth: mlpWidth, patch: patch),
      sizes.reduce(sizes[0]) { $1.1 > $0.1 ? $1 : $0 }.0
    )
  }
}
