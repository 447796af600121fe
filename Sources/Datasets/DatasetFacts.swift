import TensorCore

/// What a named data set officially is.
package struct DatasetFacts: Sendable, Hashable {
  package let shape: ImageShape
  package let classes: Int
  package let trainCount: Int
  package let validationCount: Int
  /// The largest value a pixel can have, which normalization maps to 1.
  package let whiteLevel: UInt8
  /// The names of the files as distributed, uncompressed; empty for a set that is built in.
  package let fileNames: [String]
  /// Where the files are looked for below the data folder, in this order.
  package let folders: [String]
  /// The folder that a system package puts the files into, where there is such a package.
  package let systemFolder: String?

  private static let mnistFileNames = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  static let digits = DatasetFacts(
    shape: ImageShape(channels: 1, height: 8, width: 8), classes: 10, trainCount: 1_437, validationCount: 360,
    whiteLevel: 16, fileNames: [], folders: [], systemFolder: nil)

  static let mnist = DatasetFacts(
    shape: ImageShape(channels: 1, height: 28, width: 28), classes: 10, trainCount: 60_000,
    validationCount: 10_000, whiteLevel: 255, fileNames: mnistFileNames, folders: ["mnist", "MNIST/raw"],
    systemFolder: nil)

  static let fashionMNIST = DatasetFacts(
    shape: ImageShape(channels: 1, height: 28, width: 28), classes: 10, trainCount: 60_000,
    validationCount: 10_000, whiteLevel: 255, fileNames: mnistFileNames,
    folders: ["fashion-mnist", "FashionMNIST/raw"], systemFolder: "/usr/share/datasets/fashion-mnist")

  private static let cifar10BatchNames = (1...5).map { "data_batch_\($0).bin" }

  static let cifar10 = DatasetFacts(
    shape: ImageShape(channels: 3, height: 32, width: 32), classes: 10, trainCount: 50_000,
    validationCount: 10_000, whiteLevel: 255, fileNames: cifar10BatchNames + ["test_batch.bin"],
    folders: ["cifar10", "cifar-10-batches-bin"], systemFolder: nil)

  static let cifar100 = DatasetFacts(
    shape: ImageShape(channels: 3, height: 32, width: 32), classes: 100, trainCount: 50_000,
    validationCount: 10_000, whiteLevel: 255, fileNames: ["train.bin", "test.bin"],
    folders: ["cifar100", "cifar-100-binary"],
    systemFolder: nil)
}
