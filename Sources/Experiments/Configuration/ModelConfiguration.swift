import Networks
import TensorCore

/// The network of a run, apart from the data's shape and the precision of its weights.
package struct ModelConfiguration: Sendable, Hashable {
  package var architecture: NetworkSpecification.Architecture
  package var initialization: Initialization

  package init(architecture: NetworkSpecification.Architecture, initialization: Initialization = .standard) {
    self.architecture = architecture
    self.initialization = initialization
  }
}

/// How many parameters a network has, in doubles: sizes that no machine could hold must not overflow.
struct ParameterEstimate {
  /// The estimate, exact up to 2^53; what only the dataset's files can tell counts as the least possible.
  let parameters: Double

  init(_ architecture: NetworkSpecification.Architecture, image: ImageShape?, classes: Int?) {
    let image = image ?? ImageShape(channels: 1, height: 1, width: 1)
    let classes = Double(classes ?? 1)
    switch architecture {
    case .mlp(let mlp):
      let widths = [Double(image.count)] + mlp.hidden.map(Double.init) + [classes]
      parameters = zip(zip(widths, widths.dropFirst()), mlp.bias).reduce(0) { sum, layer in
        sum + layer.0.0 * layer.0.1 + (layer.1 ? layer.0.1 : 0)
      }
    case .vit(let vit):
      let (width, mlpWidth, patch) = (Double(vit.width), Double(vit.mlpWidth), Double(vit.patch))
      let patches = Double((image.height / vit.patch) * (image.width / vit.patch))
      let embeddings = (Double(image.channels) * patch * patch + 1) * width + width + (patches + 1) * width
      let attention = 4 * (width * width + width)
      let feedForward = 2 * width * mlpWidth + mlpWidth + width
      let block = attention + feedForward + 4 * width
      parameters = embeddings + Double(vit.layers) * block + 2 * width + (width + 1) * classes
    }
  }

  /// Bytes that training holds for the parameters at the least: the weight, its packed copies, a gradient, Adam's two
  /// moments, and the copies that checkpoints are written from.
  var trainingBytes: Double { parameters * 36 }
}
