import Foundation

/// The four files of a user's own data set, as paths that can be opened: whoever reads a config has already put its
/// folder before relative ones.
package struct IDXFiles: Sendable, Hashable {
  package let trainImages: String
  package let trainLabels: String
  package let validationImages: String
  package let validationLabels: String

  package init(
    trainImages: String, trainLabels: String, validationImages: String, validationLabels: String
  ) {
    self.trainImages = trainImages
    self.trainLabels = trainLabels
    self.validationImages = validationImages
    self.validationLabels = validationLabels
  }
}

/// Which data an experiment asks for.
package struct DatasetSource: Sendable, Hashable {
  package let name: DatasetName
  /// The files, exactly where `name` is `idx`.
  package let idxFiles: IDXFiles?
  /// Only the first so many training samples; `nil`, or more than there are: all.
  package let trainLimit: Int?
  /// Only the first so many validation samples; `nil`, or more than there are: all.
  package let validationLimit: Int?

  /// The same files, whatever the limits and however their paths are spelled: what is equal is in memory once.
  package var wholeFiles: DatasetSource {
    guard let idxFiles else { return DatasetSource(name) }
    func real(_ path: String) -> String {
      let found = DataFolder.existing(path) ?? path
      guard let real = realpath(found, nil) else { return found }
      defer { free(real) }
      return String(cString: real)
    }
    return DatasetSource(
      idx: IDXFiles(
        trainImages: real(idxFiles.trainImages), trainLabels: real(idxFiles.trainLabels),
        validationImages: real(idxFiles.validationImages), validationLabels: real(idxFiles.validationLabels)))
  }

  /// A data set known by name. `idx` has files and so its own initializer.
  package init(_ name: DatasetName, trainLimit: Int? = nil, validationLimit: Int? = nil) {
    precondition(name != .idx, "DatasetSource: an idx data set needs its four files")
    self.name = name
    self.idxFiles = nil
    self.trainLimit = trainLimit
    self.validationLimit = validationLimit
  }

  /// The user's own IDX files.
  package init(idx files: IDXFiles, trainLimit: Int? = nil, validationLimit: Int? = nil) {
    self.name = .idx
    self.idxFiles = files
    self.trainLimit = trainLimit
    self.validationLimit = validationLimit
  }
}

/// The data sets that an experiment can name; the raw value is how its config spells it.
package enum DatasetName: String, Sendable, Hashable, CaseIterable {
  case digits
  case mnist
  case fashionMNIST = "fashion-mnist"
  case cifar10
  case cifar100
  /// The user's own IDX files, about which nothing is known before they are read.
  case idx

  /// What is known without reading a file; `nil` for `idx`.
  package var facts: DatasetFacts? {
    switch self {
    case .digits: .digits
    case .mnist: .mnist
    case .fashionMNIST: .fashionMNIST
    case .cifar10: .cifar10
    case .cifar100: .cifar100
    case .idx: nil
    }
  }
}
