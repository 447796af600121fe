import Networks

/// Which images a run trains and validates on, and how pixels become numbers.
package struct DatasetConfiguration: Sendable, Hashable {
  package enum Name: String, Sendable, Hashable, CaseIterable {
    case digits, mnist
    case fashionMNIST = "fashion-mnist"
    case cifar100, idx

    /// The images' shape; nil where only the files can tell.
    package var image: ImageShape? {
      switch self {
      case .digits: ImageShape(channels: 1, height: 8, width: 8)
      case .mnist, .fashionMNIST: ImageShape(channels: 1, height: 28, width: 28)
      case .cifar100: ImageShape(channels: 3, height: 32, width: 32)
      case .idx: nil
      }
    }

    /// How many classes the labels have; nil where only the files can tell.
    package var classes: Int? {
      switch self {
      case .digits, .mnist, .fashionMNIST: 10
      case .cifar100: 100
      case .idx: nil
      }
    }
  }

  package enum Normalization: String, Sendable, Hashable, CaseIterable {
    /// Pixels to 0...1.
    case unit
    /// Pixels to -1...1.
    case half
  }

  /// The four files of an `idx` dataset as the config writes them; ``Experiment/resolve(path:folder:)`` finds them.
  package struct IDXPaths: Sendable, Hashable {
    package var trainImages: String
    package var trainLabels: String
    package var validationImages: String
    package var validationLabels: String

    package init(trainImages: String, trainLabels: String, validationImages: String, validationLabels: String)
    {
      self.trainImages = trainImages
      self.trainLabels = trainLabels
      self.validationImages = validationImages
      self.validationLabels = validationLabels
    }
  }

  package var name: Name
  package var normalize: Normalization
  /// Only the first so many images; nil for all.
  package var trainLimit: Int?
  package var validationLimit: Int?
  /// Given exactly when `name` is `idx`.
  package var idx: IDXPaths?

  package init(
    name: Name, normalize: Normalization = .unit, trainLimit: Int? = nil, validationLimit: Int? = nil,
    idx: IDXPaths? = nil
  ) {
    self.name = name
    self.normalize = normalize
    self.trainLimit = trainLimit
    self.validationLimit = validationLimit
    self.idx = idx
  }
}
