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
  /// validation images and labels; for CIFAR-100 training and validation; for the digits their one built-in file.
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
