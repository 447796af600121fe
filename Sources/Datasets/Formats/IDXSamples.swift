import TensorCore

/// One set, training or validation, out of an IDX file of images and one of labels.
struct IDXSamples {
  private let images: IDXFile
  private let labelFile: IDXFile
  private let labels: ByteColumn

  /// Images are `[samples, height, width]` or `[samples, channels, height, width]`, labels `[samples]`.
  ///
  /// - Parameter ranks: the numbers of dimensions allowed for images.
  /// - Throws: `DatasetError` for each file by itself, and `mismatch` for different numbers of images and labels.
  init(images: SourceFile, labels: SourceFile, ranks: [Int]) throws(DatasetError) {
    self.images = try IDXFile(images, ranks: ranks)
    self.labelFile = try IDXFile(labels, ranks: [1])
    self.labels = labelFile.elements
    let counts = (images: self.images.header.dimensions[0], labels: labelFile.header.dimensions[0])
    guard counts.images == counts.labels else {
      throw DatasetError(
        .mismatch, file: labels.path, offset: 4,
        problem:
          "\(counts.labels) labels (the number at offset 4) for the \(counts.images) images of \(images.path)",
        remedy: "give the two files that belong together")
    }
  }

  var shape: ImageShape {
    let dimensions = images.header.dimensions
    return ImageShape(
      channels: dimensions.count == 4 ? dimensions[1] : 1, height: dimensions[dimensions.count - 2],
      width: dimensions[dimensions.count - 1])
  }

  /// The SHA-256 of each file's content, images and labels.
  var hashes: [String] { [images.storage.sha256, labelFile.storage.sha256] }

  /// What is worth telling of images that look as if their channels came last.
  var channelNotice: String? {
    let dimensions = images.header.dimensions
    let usual = [1, 3, 4]
    guard dimensions.count == 4, usual.contains(dimensions[3]), !usual.contains(dimensions[1]) else {
      return nil
    }
    return
      "\(images.source.path): its dimensions \(dimensions.map(String.init).joined(separator: "x")) are read as "
      + "\(dimensions[1]) channels of \(dimensions[2])x\(dimensions[3]) pixels: channels come first, as in "
      + "[count, channels, height, width]; if they are last in this file, write it again in that order"
  }

  /// The largest label + 1.
  var classes: Int { Int(labels.max()!) + 1 }

  /// The samples, with every label below `classes`.
  /// - Throws: `labelOutOfRange`, `wrongDimensions` for images of another shape than `expected`.
  func samples(shape expected: ImageShape, classes: Int) throws(DatasetError) -> LabeledImages {
    guard shape == expected else {
      throw DatasetError(
        .wrongDimensions, file: images.source.path, offset: 8,
        problem: "images of \(shape) by the dimensions at offset 8, expected \(expected)",
        remedy: images.source.official == nil
          ? "training and validation images must have one shape" : images.source.repair)
    }
    if let wrong = labels.firstIndex(where: { $0 >= classes }) {
      throw .labelOutOfRange(
        labelFile.source, "label", value: labels[wrong], offset: labelFile.header.length + wrong,
        largest: classes - 1)
    }
    return LabeledImages(
      storage: images.storage, firstPixel: images.header.length, stride: shape.count, shape: shape,
      whiteLevel: 255, labels: labels, classes: classes)
  }
}
