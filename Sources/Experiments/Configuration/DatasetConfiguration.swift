import Datasets
import Networks
import TensorCore

/// Which images a run trains and validates on, and how pixels become numbers.
package struct DatasetConfiguration: Sendable, Hashable {
  package typealias Name = DatasetName
  package typealias Normalization = Datasets.Normalization

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

extension DatasetName {
  /// The images' shape; nil where only the files can tell.
  package var image: ImageShape? {
    facts?.shape
  }

  /// How many classes the labels have; nil where only the files can tell.
  package var classes: Int? { facts?.classes }
}
