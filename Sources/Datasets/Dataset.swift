import TensorCore

/// A training and a validation set of one shape and one set of classes, as an experiment asked for them.
package struct Dataset: Sendable {
  package let train: LabeledImages
  package let validation: LabeledImages
  /// What is worth telling the user though the data can be used.
  package let notices: [String]
  /// What the sets are views of. It lives at least as long as they do.
  private let content: DatasetContent

  package var name: DatasetName { content.name }
  package var shape: ImageShape { train.shape }
  package var classes: Int { train.classes }
  /// Of the whole content, whatever the limits: see `DatasetContent`.
  package var sha256: String { content.sha256 }

  /// The first samples of `content` that the source's limits leave.
  ///
  /// - Throws: `emptySet` for a limit below 1.
  package init(_ content: DatasetContent, limitedAs source: DatasetSource) throws(DatasetError) {
    self.content = content
    train = try Self.limit(content.train, source.trainLimit, "train_limit")
    validation = try Self.limit(content.validation, source.validationLimit, "validation_limit")
    notices =
      content.notices
      + [("training", train), ("validation", validation)].compactMap { name, images in
        images.onlyLabel.map {
          "all \(images.count) \(name) labels are \($0): an accuracy of 100% says nothing then"
        }
      }
  }

  /// Reads a data set: all files, every header, length and label checked, whatever the limits.
  ///
  /// - Throws: `DatasetError`.
  package static func load(_ source: DatasetSource, in folder: DataFolder) throws(DatasetError) -> Dataset {
    try Dataset(try DatasetReader(folder).read(source).content, limitedAs: source)
  }

  private static func limit(
    _ images: LabeledImages, _ limit: Int?, _ key: String
  ) throws(DatasetError) -> LabeledImages {
    guard let limit else { return images }
    guard limit > 0 else {
      throw DatasetError(
        .emptySet, file: "dataset.\(key)", problem: "\(limit) leaves no sample", remedy: "give at least 1")
    }
    return images.prefix(limit)
  }
}

/// A whole data set in memory, which all its users share; limits are views of it.
///
/// A class, so that who keeps sets for others can see when the last user is gone.
package final class DatasetContent: Sendable {
  let name: DatasetName
  let train: LabeledImages
  let validation: LabeledImages
  /// What is worth telling the user though the data can be used: a named set that has not its official size.
  let notices: [String]
  /// The SHA-256 over those of the decompressed files, in hexadecimal digits and one a line: training images and labels,
  /// validation images and labels; for CIFAR-10 the five training files and the validation file; for CIFAR-100 training and validation; for the digits their one built-in file.
  package let sha256: String

  init(
    name: DatasetName, train: LabeledImages, validation: LabeledImages, hashes: [String],
    notices: [String] = []
  ) {
    self.name = name
    self.train = train
    self.validation = validation
    self.notices = notices
    sha256 = SHA256.hexadecimal(of: Array(hashes.map { $0 + "\n" }.joined().utf8))
  }
}
